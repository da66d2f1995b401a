// Count the relationships of each of the project's types, and those between the labels that belong there.
//
// Parameters: none
//
// Promise: reads only. Returns type, number of relationships, number with the right labels at both ends.
MATCH (a)-[r:TEACHES_CLASS]->(b)
RETURN "TEACHES_CLASS" AS type, count(r) AS total,
       sum(CASE WHEN a:TEACHER AND b:CLASS THEN 1 ELSE 0 END) AS fitting
UNION ALL
MATCH (a)-[r:COVERS_CHAPTER]->(b)
RETURN "COVERS_CHAPTER" AS type, count(r) AS total,
       sum(CASE WHEN a:CLASS AND b:CHAPTER THEN 1 ELSE 0 END) AS fitting
UNION ALL
MATCH (a)-[r:HAS_THEORY]->(b)
RETURN "HAS_THEORY" AS type, count(r) AS total,
       sum(CASE WHEN a:CHAPTER AND b:THEORY THEN 1 ELSE 0 END) AS fitting
UNION ALL
MATCH (a)-[r:HAS_SKILL]->(b)
RETURN "HAS_SKILL" AS type, count(r) AS total,
       sum(CASE WHEN a:THEORY AND b:SKILL THEN 1 ELSE 0 END) AS fitting
UNION ALL
MATCH (a)-[r:REQUIRES_CONCEPT]->(b)
RETURN "REQUIRES_CONCEPT" AS type, count(r) AS total,
       sum(CASE WHEN a:SKILL AND b:CONCEPT THEN 1 ELSE 0 END) AS fitting
UNION ALL
MATCH (a)-[r:HAS_READING]->(b)
RETURN "HAS_READING" AS type, count(r) AS total,
       sum(CASE WHEN a:THEORY AND b:READING THEN 1 ELSE 0 END) AS fitting
UNION ALL
MATCH (a)-[r:HAS_VIDEO]->(b)
RETURN "HAS_VIDEO" AS type, count(r) AS total,
       sum(CASE WHEN a:THEORY AND b:VIDEO THEN 1 ELSE 0 END) AS fitting
UNION ALL
MATCH (a)-[r:COVERS_CONCEPT]->(b)
RETURN "COVERS_CONCEPT" AS type, count(r) AS total,
       sum(CASE WHEN (a:READING OR a:VIDEO) AND b:CONCEPT THEN 1 ELSE 0 END) AS fitting
UNION ALL
MATCH (a)-[r:ENROLLED_IN_CLASS]->(b)
RETURN "ENROLLED_IN_CLASS" AS type, count(r) AS total,
       sum(CASE WHEN a:STUDENT AND b:CLASS THEN 1 ELSE 0 END) AS fitting
UNION ALL
MATCH (a)-[r:PREREQUISITE_OF]->(b)
RETURN "PREREQUISITE_OF" AS type, count(r) AS total,
       sum(CASE WHEN a:SKILL AND b:SKILL THEN 1 ELSE 0 END) AS fitting
UNION ALL
MATCH (a)-[r:HAS_CONCEPT]->(b)
RETURN "HAS_CONCEPT" AS type, count(r) AS total,
       sum(CASE WHEN a:THEORY AND b:CONCEPT THEN 1 ELSE 0 END) AS fitting
UNION ALL
MATCH (a)-[r:CONCEPT_RELATION]->(b)
RETURN "CONCEPT_RELATION" AS type, count(r) AS total,
       sum(CASE WHEN a:CONCEPT AND b:CONCEPT THEN 1 ELSE 0 END) AS fitting
UNION ALL
MATCH (a)-[r:HAS_METADATA]->(b)
RETURN "HAS_METADATA" AS type, count(r) AS total,
       sum(CASE WHEN a:STUDENT AND b:METADATA THEN 1 ELSE 0 END) AS fitting
UNION ALL
MATCH (a)-[r:MASTERS_SKILL]->(b)
RETURN "MASTERS_SKILL" AS type, count(r) AS total,
       sum(CASE WHEN a:STUDENT AND b:SKILL THEN 1 ELSE 0 END) AS fitting
UNION ALL
MATCH (a)-[r:HAS_PROGRESS]->(b)
RETURN "HAS_PROGRESS" AS type, count(r) AS total,
       sum(CASE WHEN a:STUDENT AND b:PROGRESS THEN 1 ELSE 0 END) AS fitting
UNION ALL
MATCH (a)-[r:FOR_SKILL]->(b)
RETURN "FOR_SKILL" AS type, count(r) AS total,
       sum(CASE WHEN a:PROGRESS AND b:SKILL THEN 1 ELSE 0 END) AS fitting
UNION ALL
MATCH (a)-[r:NEXT_CHAPTER]->(b)
RETURN "NEXT_CHAPTER" AS type, count(r) AS total,
       sum(CASE WHEN a:CHAPTER AND b:CHAPTER THEN 1 ELSE 0 END) AS fitting
UNION ALL
MATCH (a)-[r:NEXT_THEORY]->(b)
RETURN "NEXT_THEORY" AS type, count(r) AS total,
       sum(CASE WHEN a:THEORY AND b:THEORY THEN 1 ELSE 0 END) AS fitting
