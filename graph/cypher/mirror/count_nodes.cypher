// Count the nodes of each of the project's labels, and those without a key.
//
// Parameters: none
//
// Promise: reads only. Returns label, number of nodes, number of nodes that have an id.
MATCH (n:STUDENT)
RETURN "STUDENT" AS label, count(n) AS total, count(n.id) AS keyed
UNION ALL
MATCH (n:TEACHER)
RETURN "TEACHER" AS label, count(n) AS total, count(n.id) AS keyed
UNION ALL
MATCH (n:CLASS)
RETURN "CLASS" AS label, count(n) AS total, count(n.id) AS keyed
UNION ALL
MATCH (n:CHAPTER)
RETURN "CHAPTER" AS label, count(n) AS total, count(n.id) AS keyed
UNION ALL
MATCH (n:THEORY)
RETURN "THEORY" AS label, count(n) AS total, count(n.id) AS keyed
UNION ALL
MATCH (n:SKILL)
RETURN "SKILL" AS label, count(n) AS total, count(n.id) AS keyed
UNION ALL
MATCH (n:CONCEPT)
RETURN "CONCEPT" AS label, count(n) AS total, count(n.id) AS keyed
UNION ALL
MATCH (n:READING)
RETURN "READING" AS label, count(n) AS total, count(n.id) AS keyed
UNION ALL
MATCH (n:VIDEO)
RETURN "VIDEO" AS label, count(n) AS total, count(n.id) AS keyed
UNION ALL
MATCH (n:METADATA)
RETURN "METADATA" AS label, count(n) AS total, count(n.id) AS keyed
UNION ALL
MATCH (n:PROGRESS)
RETURN "PROGRESS" AS label, count(n) AS total, count(n.id) AS keyed
