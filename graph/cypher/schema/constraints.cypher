// Purpose: one node for each key, on every engine; also what every MERGE finds its node by.
// Parameters: none. Statements are separated by semicolons and sent one by one.
// Promise: repeating it changes nothing.
// Engines, where they differ (each seen on ArcadeDB 26.10 beside Neo4j 5.26):
// - A pair with one null is a key on ArcadeDB, none on Neo4j: set course_id and key (or url) together or not at all.
// - Neo4j checks at each change, ArcadeDB at commit: two nodes that swap keys need REMOVE of both halves first.
CREATE CONSTRAINT student_id IF NOT EXISTS FOR (n:STUDENT) REQUIRE n.id IS UNIQUE;
CREATE CONSTRAINT teacher_id IF NOT EXISTS FOR (n:TEACHER) REQUIRE n.id IS UNIQUE;
CREATE CONSTRAINT class_id IF NOT EXISTS FOR (n:CLASS) REQUIRE n.id IS UNIQUE;
CREATE CONSTRAINT chapter_id IF NOT EXISTS FOR (n:CHAPTER) REQUIRE n.id IS UNIQUE;
CREATE CONSTRAINT theory_id IF NOT EXISTS FOR (n:THEORY) REQUIRE n.id IS UNIQUE;
CREATE CONSTRAINT skill_id IF NOT EXISTS FOR (n:SKILL) REQUIRE n.id IS UNIQUE;
CREATE CONSTRAINT concept_id IF NOT EXISTS FOR (n:CONCEPT) REQUIRE n.id IS UNIQUE;
CREATE CONSTRAINT reading_id IF NOT EXISTS FOR (n:READING) REQUIRE n.id IS UNIQUE;
CREATE CONSTRAINT video_id IF NOT EXISTS FOR (n:VIDEO) REQUIRE n.id IS UNIQUE;
CREATE CONSTRAINT metadata_id IF NOT EXISTS FOR (n:METADATA) REQUIRE n.id IS UNIQUE;
CREATE CONSTRAINT progress_id IF NOT EXISTS FOR (n:PROGRESS) REQUIRE n.id IS UNIQUE;
CREATE CONSTRAINT concept_course_key IF NOT EXISTS FOR (n:CONCEPT) REQUIRE (n.course_id, n.key) IS UNIQUE;
CREATE CONSTRAINT reading_course_url IF NOT EXISTS FOR (n:READING) REQUIRE (n.course_id, n.url) IS UNIQUE;
CREATE CONSTRAINT video_course_url IF NOT EXISTS FOR (n:VIDEO) REQUIRE (n.course_id, n.url) IS UNIQUE;
CREATE CONSTRAINT mirror_tombstone_key IF NOT EXISTS FOR (n:MIRROR_TOMBSTONE) REQUIRE n.key IS UNIQUE
