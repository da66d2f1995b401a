// Find relationships of the project's types between labels that do not belong at their ends.
//
// Parameters:
//   $limit: relationships of one type at most
//
// Promise: reads only. Returns type, labels of the start, its id, labels of the end, its id.
MATCH (a)-[r:TEACHES_CLASS]->(b)
WHERE NOT (a:TEACHER AND b:CLASS)
RETURN "TEACHES_CLASS" AS type, labels(a) AS start_labels, a.id AS start_id, labels(b) AS end_labels, b.id AS end_id LIMIT $limit
UNION ALL
MATCH (a)-[r:COVERS_CHAPTER]->(b)
WHERE NOT (a:CLASS AND b:CHAPTER)
RETURN "COVERS_CHAPTER" AS type, labels(a) AS start_labels, a.id AS start_id, labels(b) AS end_labels, b.id AS end_id LIMIT $limit
UNION ALL
MATCH (a)-[r:HAS_THEORY]->(b)
WHERE NOT (a:CHAPTER AND b:THEORY)
RETURN "HAS_THEORY" AS type, labels(a) AS start_labels, a.id AS start_id, labels(b) AS end_labels, b.id AS end_id LIMIT $limit
UNION ALL
MATCH (a)-[r:HAS_SKILL]->(b)
WHERE NOT (a:THEORY AND b:SKILL)
RETURN "HAS_SKILL" AS type, labels(a) AS start_labels, a.id AS start_id, labels(b) AS end_labels, b.id AS end_id LIMIT $limit
UNION ALL
MATCH (a)-[r:REQUIRES_CONCEPT]->(b)
WHERE NOT (a:SKILL AND b:CONCEPT)
RETURN "REQUIRES_CONCEPT" AS type, labels(a) AS start_labels, a.id AS start_id, labels(b) AS end_labels, b.id AS end_id LIMIT $limit
UNION ALL
MATCH (a)-[r:HAS_READING]->(b)
WHERE NOT (a:THEORY AND b:READING)
RETURN "HAS_READING" AS type, labels(a) AS start_labels, a.id AS start_id, labels(b) AS end_labels, b.id AS end_id LIMIT $limit
UNION ALL
MATCH (a)-[r:HAS_VIDEO]->(b)
WHERE NOT (a:THEORY AND b:VIDEO)
RETURN "HAS_VIDEO" AS type, labels(a) AS start_labels, a.id AS start_id, labels(b) AS end_labels, b.id AS end_id LIMIT $limit
UNION ALL
MATCH (a)-[r:COVERS_CONCEPT]->(b)
WHERE NOT ((a:READING OR a:VIDEO) AND b:CONCEPT)
RETURN "COVERS_CONCEPT" AS type, labels(a) AS start_labels, a.id AS start_id, labels(b) AS end_labels, b.id AS end_id LIMIT $limit
UNION ALL
MATCH (a)-[r:ENROLLED_IN_CLASS]->(b)
WHERE NOT (a:STUDENT AND b:CLASS)
RETURN "ENROLLED_IN_CLASS" AS type, labels(a) AS start_labels, a.id AS start_id, labels(b) AS end_labels, b.id AS end_id LIMIT $limit
UNION ALL
MATCH (a)-[r:PREREQUISITE_OF]->(b)
WHERE NOT (a:SKILL AND b:SKILL)
RETURN "PREREQUISITE_OF" AS type, labels(a) AS start_labels, a.id AS start_id, labels(b) AS end_labels, b.id AS end_id LIMIT $limit
UNION ALL
MATCH (a)-[r:HAS_CONCEPT]->(b)
WHERE NOT (a:THEORY AND b:CONCEPT)
RETURN "HAS_CONCEPT" AS type, labels(a) AS start_labels, a.id AS start_id, labels(b) AS end_labels, b.id AS end_id LIMIT $limit
UNION ALL
MATCH (a)-[r:CONCEPT_RELATION]->(b)
WHERE NOT (a:CONCEPT AND b:CONCEPT)
RETURN "CONCEPT_RELATION" AS type, labels(a) AS start_labels, a.id AS start_id, labels(b) AS end_labels, b.id AS end_id LIMIT $limit
UNION ALL
MATCH (a)-[r:HAS_METADATA]->(b)
WHERE NOT (a:STUDENT AND b:METADATA)
RETURN "HAS_METADATA" AS type, labels(a) AS start_labels, a.id AS start_id, labels(b) AS end_labels, b.id AS end_id LIMIT $limit
UNION ALL
MATCH (a)-[r:MASTERS_SKILL]->(b)
WHERE NOT (a:STUDENT AND b:SKILL)
RETURN "MASTERS_SKILL" AS type, labels(a) AS start_labels, a.id AS start_id, labels(b) AS end_labels, b.id AS end_id LIMIT $limit
UNION ALL
MATCH (a)-[r:HAS_PROGRESS]->(b)
WHERE NOT (a:STUDENT AND b:PROGRESS)
RETURN "HAS_PROGRESS" AS type, labels(a) AS start_labels, a.id AS start_id, labels(b) AS end_labels, b.id AS end_id LIMIT $limit
UNION ALL
MATCH (a)-[r:FOR_SKILL]->(b)
WHERE NOT (a:PROGRESS AND b:SKILL)
RETURN "FOR_SKILL" AS type, labels(a) AS start_labels, a.id AS start_id, labels(b) AS end_labels, b.id AS end_id LIMIT $limit
UNION ALL
MATCH (a)-[r:NEXT_CHAPTER]->(b)
WHERE NOT (a:CHAPTER AND b:CHAPTER)
RETURN "NEXT_CHAPTER" AS type, labels(a) AS start_labels, a.id AS start_id, labels(b) AS end_labels, b.id AS end_id LIMIT $limit
UNION ALL
MATCH (a)-[r:NEXT_THEORY]->(b)
WHERE NOT (a:THEORY AND b:THEORY)
RETURN "NEXT_THEORY" AS type, labels(a) AS start_labels, a.id AS start_id, labels(b) AS end_labels, b.id AS end_id LIMIT $limit
