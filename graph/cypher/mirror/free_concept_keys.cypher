// Take the key (both halves) off concepts that are about to get another one, in the same transaction as upsert_concepts.
//
// Parameters:
//   $rows: the rows of upsert_concepts: list of {key, record, version, id, properties}; at most 1,000
//
// Promise: two concepts can swap their names without breaking the constraint on (course_id, key) halfway;
// nobody sees a concept without its key, since upsert_concepts follows before the commit.
UNWIND $rows AS row
MATCH (n:CONCEPT {id: row.id})
WHERE n.version <= row.version AND n.key <> row.properties.key
REMOVE n.key, n.course_id
