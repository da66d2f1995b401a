// List what the graph holds of a person: the node under either label, and the nodes that hang on it.
//
// Parameters:
//   $user_id: id of the person (int)
//
// Promise: reads only. Returns the name of the list statement that would list the node, id.
MATCH (n:STUDENT {id: $user_id})
RETURN DISTINCT "students" AS name, n.id AS id
UNION ALL
MATCH (n:TEACHER {id: $user_id})
RETURN DISTINCT "teachers" AS name, n.id AS id
UNION ALL
MATCH (:STUDENT {id: $user_id})-[:HAS_METADATA]->(n:METADATA)
RETURN DISTINCT "metadata" AS name, n.id AS id
UNION ALL
MATCH (:STUDENT {id: $user_id})-[:HAS_PROGRESS]->(n:PROGRESS)
RETURN DISTINCT "progress" AS name, n.id AS id
