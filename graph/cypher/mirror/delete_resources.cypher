// Remove the :READING or :VIDEO node of each row, whichever it has, with its edges.
//
// Parameters:
//   $rows: list of {key, record, version, id}; at most 1,000; record is "RESOURCE:key"
//
// Promise: leaves a tombstone with the version, so that a late upsert cannot bring the record back; a node
// with a larger version stays. Returns one list of [key, version found, applied (1 or 0)].
UNWIND $rows AS row
MERGE (first:READING {id: row.id})
MERGE (second:VIDEO {id: row.id})
SET first._lock = true, second._lock = true
WITH row, first, second, coalesce(first.version, 0) AS one, coalesce(second.version, 0) AS two
WITH row, first, second, one, two, CASE WHEN one > two THEN one ELSE two END AS held
WITH row, first, second, one, two, held, CASE WHEN held <= row.version THEN [1] ELSE [] END AS apply
FOREACH (_ IN apply |
  MERGE (buried:MIRROR_TOMBSTONE {key: row.record})
  SET buried.version = CASE WHEN buried.version > row.version THEN buried.version ELSE row.version END
)
FOREACH (_ IN CASE WHEN size(apply) = 1 OR one = 0 THEN [1] ELSE [] END | DETACH DELETE first)
FOREACH (_ IN CASE WHEN size(apply) = 1 OR two = 0 THEN [1] ELSE [] END | DETACH DELETE second)
REMOVE first._lock, second._lock
RETURN collect([row.key, CASE WHEN size(apply) = 1 THEN row.version ELSE held END, size(apply)]) AS answers
