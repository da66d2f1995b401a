// List what the graph holds of a course: its nodes, and the students with a relationship into it.
//
// Parameters:
//   $course_id: id of the course (int)
//
// Promise: reads only. Returns the name of the list statement that would list the node, id.
MATCH (n:CLASS {id: $course_id})
RETURN DISTINCT "classes" AS name, n.id AS id
UNION ALL
MATCH (n:CHAPTER {course_id: $course_id})
RETURN DISTINCT "chapters" AS name, n.id AS id
UNION ALL
MATCH (n:THEORY {course_id: $course_id})
RETURN DISTINCT "theories" AS name, n.id AS id
UNION ALL
MATCH (n:SKILL {course_id: $course_id})
RETURN DISTINCT "skills" AS name, n.id AS id
UNION ALL
MATCH (n:CONCEPT {course_id: $course_id})
RETURN DISTINCT "concepts" AS name, n.id AS id
UNION ALL
MATCH (n:READING {course_id: $course_id})
RETURN DISTINCT "readings" AS name, n.id AS id
UNION ALL
MATCH (n:VIDEO {course_id: $course_id})
RETURN DISTINCT "videos" AS name, n.id AS id
UNION ALL
MATCH (n:PROGRESS)-[:FOR_SKILL]->(:SKILL {course_id: $course_id})
RETURN DISTINCT "progress" AS name, n.id AS id
UNION ALL
MATCH (n:STUDENT)-[:ENROLLED_IN_CLASS]->(:CLASS {id: $course_id})
RETURN DISTINCT "students" AS name, n.id AS id
UNION ALL
MATCH (n:STUDENT)-[:MASTERS_SKILL]->(:SKILL {course_id: $course_id})
RETURN DISTINCT "students" AS name, n.id AS id
