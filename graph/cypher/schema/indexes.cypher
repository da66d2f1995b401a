// Purpose: find classes by title, concepts by name, and the curriculum of a course without its edges.
// Parameters: none. Statements are separated by semicolons and sent one by one.
// Promise: repeating it changes nothing.
// An index on course_id stands beside the composite constraint, because Neo4j uses a composite index only
// where all of its properties are given.
CREATE INDEX class_title IF NOT EXISTS FOR (n:CLASS) ON (n.title);
CREATE INDEX concept_name IF NOT EXISTS FOR (n:CONCEPT) ON (n.name);
CREATE INDEX chapter_course IF NOT EXISTS FOR (n:CHAPTER) ON (n.course_id);
CREATE INDEX theory_course IF NOT EXISTS FOR (n:THEORY) ON (n.course_id);
CREATE INDEX skill_course IF NOT EXISTS FOR (n:SKILL) ON (n.course_id);
CREATE INDEX concept_course IF NOT EXISTS FOR (n:CONCEPT) ON (n.course_id)
