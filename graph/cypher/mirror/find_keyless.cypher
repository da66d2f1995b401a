// Find the nodes of the project's labels that no key leads to: without an id, or with one of another type.
//
// Parameters:
//   $limit: nodes of one label at most
//
// Promise: reads only. Returns label, the engine's own id of the node, id.
MATCH (n:STUDENT)
WHERE NOT coalesce(n.id IS :: INTEGER NOT NULL, false)
RETURN "STUDENT" AS label, elementId(n) AS element, n.id AS id LIMIT $limit
UNION ALL
MATCH (n:TEACHER)
WHERE NOT coalesce(n.id IS :: INTEGER NOT NULL, false)
RETURN "TEACHER" AS label, elementId(n) AS element, n.id AS id LIMIT $limit
UNION ALL
MATCH (n:CLASS)
WHERE NOT coalesce(n.id IS :: INTEGER NOT NULL, false)
RETURN "CLASS" AS label, elementId(n) AS element, n.id AS id LIMIT $limit
UNION ALL
MATCH (n:CHAPTER)
WHERE NOT coalesce(n.id IS :: STRING NOT NULL, false) OR n.id = ""
RETURN "CHAPTER" AS label, elementId(n) AS element, n.id AS id LIMIT $limit
UNION ALL
MATCH (n:THEORY)
WHERE NOT coalesce(n.id IS :: STRING NOT NULL, false) OR n.id = ""
RETURN "THEORY" AS label, elementId(n) AS element, n.id AS id LIMIT $limit
UNION ALL
MATCH (n:SKILL)
WHERE NOT coalesce(n.id IS :: STRING NOT NULL, false) OR n.id = ""
RETURN "SKILL" AS label, elementId(n) AS element, n.id AS id LIMIT $limit
UNION ALL
MATCH (n:CONCEPT)
WHERE NOT coalesce(n.id IS :: STRING NOT NULL, false) OR n.id = ""
RETURN "CONCEPT" AS label, elementId(n) AS element, n.id AS id LIMIT $limit
UNION ALL
MATCH (n:READING)
WHERE NOT coalesce(n.id IS :: STRING NOT NULL, false) OR n.id = ""
RETURN "READING" AS label, elementId(n) AS element, n.id AS id LIMIT $limit
UNION ALL
MATCH (n:VIDEO)
WHERE NOT coalesce(n.id IS :: STRING NOT NULL, false) OR n.id = ""
RETURN "VIDEO" AS label, elementId(n) AS element, n.id AS id LIMIT $limit
UNION ALL
MATCH (n:METADATA)
WHERE NOT coalesce(n.id IS :: STRING NOT NULL, false) OR n.id = ""
RETURN "METADATA" AS label, elementId(n) AS element, n.id AS id LIMIT $limit
UNION ALL
MATCH (n:PROGRESS)
WHERE NOT coalesce(n.id IS :: STRING NOT NULL, false) OR n.id = ""
RETURN "PROGRESS" AS label, elementId(n) AS element, n.id AS id LIMIT $limit
