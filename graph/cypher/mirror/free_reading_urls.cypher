// Take the address (both halves of the key) off :READING nodes that are about to get another one, in the same transaction as
// upsert_readings.
//
// Parameters:
//   $rows: the rows of upsert_readings: list of {key, record, version, id, theory_ids, concept_ids, properties};
//          at most 1,000
//
// Promise: two resources can swap their addresses without breaking the constraint on (course_id, url) halfway; nobody sees
// one without its address, since upsert_readings follows before the commit: a row whose ends are missing, which it will
// not write, keeps its address.
UNWIND $rows AS row
MATCH (n:READING {id: row.id})
WHERE n.version <= row.version AND n.url <> row.properties.url
UNWIND row.theory_ids + [''] AS theory_id
OPTIONAL MATCH (theory:THEORY {id: theory_id})
WITH row, n, count(CASE WHEN theory_id <> '' THEN theory END) AS theories
UNWIND row.concept_ids + [''] AS concept_id
OPTIONAL MATCH (concept:CONCEPT {id: concept_id})
WITH row, n, theories, count(CASE WHEN concept_id <> '' THEN concept END) AS concepts
WHERE theories = size(row.theory_ids) AND concepts = size(row.concept_ids)
REMOVE n.url, n.course_id
