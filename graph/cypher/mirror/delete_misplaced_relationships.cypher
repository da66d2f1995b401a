// Remove relationships of the project's types between labels that do not belong at their ends.
//
// Parameters: none
//
// Promise: touches no other type. Returns how many went.
MATCH (a)-[link]->(b)
WHERE (type(link) = "TEACHES_CLASS" AND NOT (a:TEACHER AND b:CLASS))
   OR (type(link) = "COVERS_CHAPTER" AND NOT (a:CLASS AND b:CHAPTER))
   OR (type(link) = "HAS_THEORY" AND NOT (a:CHAPTER AND b:THEORY))
   OR (type(link) = "HAS_SKILL" AND NOT (a:THEORY AND b:SKILL))
   OR (type(link) = "REQUIRES_CONCEPT" AND NOT (a:SKILL AND b:CONCEPT))
   OR (type(link) = "HAS_READING" AND NOT (a:THEORY AND b:READING))
   OR (type(link) = "HAS_VIDEO" AND NOT (a:THEORY AND b:VIDEO))
   OR (type(link) = "COVERS_CONCEPT" AND NOT ((a:READING OR a:VIDEO) AND b:CONCEPT))
   OR (type(link) = "ENROLLED_IN_CLASS" AND NOT (a:STUDENT AND b:CLASS))
   OR (type(link) = "PREREQUISITE_OF" AND NOT (a:SKILL AND b:SKILL))
   OR (type(link) = "HAS_CONCEPT" AND NOT (a:THEORY AND b:CONCEPT))
   OR (type(link) = "CONCEPT_RELATION" AND NOT (a:CONCEPT AND b:CONCEPT))
   OR (type(link) = "HAS_METADATA" AND NOT (a:STUDENT AND b:METADATA))
   OR (type(link) = "MASTERS_SKILL" AND NOT (a:STUDENT AND b:SKILL))
   OR (type(link) = "HAS_PROGRESS" AND NOT (a:STUDENT AND b:PROGRESS))
   OR (type(link) = "FOR_SKILL" AND NOT (a:PROGRESS AND b:SKILL))
   OR (type(link) = "NEXT_CHAPTER" AND NOT (a:CHAPTER AND b:CHAPTER))
   OR (type(link) = "NEXT_THEORY" AND NOT (a:THEORY AND b:THEORY))
DELETE link
RETURN count(*) AS gone
