// Take the address (both halves of the key) off :READING nodes that are about to get another one, in the same transaction as
// upsert_readings.
//
// Parameters:
//   $rows: the rows of upsert_readings: list of {key, record, version, id, theory_ids, theory_ids_or_null, concept_ids,
//          concept_ids_or_null, properties}; at most 1,000
//
// Promise: two resources can swap their addresses without breaking the constraint on (course_id, url) halfway; nobody sees
// one without its address, since upsert_readings follows before the commit: a row whose ends are missing, which it will
// not write, keeps its address.
UNWIND $rows AS row
MATCH (n:READING {id: row.id})
WHERE n.version <= row.version AND n.url <> row.properties.url
UNWIND row.theory_ids_or_null AS theory_id
OPTIONAL MATCH (theory:THEORY {id: theory_id})
WITH row, n, count(theory) AS theories
UNWIND row.concept_ids_or_null AS concept_id
OPTIONAL MATCH (concept:CONCEPT {id: concept_id})
WITH row, n, theories, count(concept) AS concepts
WHERE theories = size(row.theory_ids) AND concepts = size(row.concept_ids)
REMOVE n.url, n.course_id
