// Remove the ENROLLED_IN_CLASS relationship of each row.
//
// Parameters:
//   $rows: list of {key, record, version, start_id, end_id}; at most 1,000; record is "ENROLLMENT:key"
//
// Promise: leaves a tombstone with the version, so that a late upsert cannot bring the relationship back; one
// with a larger version stays. Returns one list of [key, version found, applied (1 or 0)].
UNWIND $rows AS row
OPTIONAL MATCH (start:STUDENT {id: row.start_id})
SET start._lock = true
WITH row, start
OPTIONAL MATCH (start)-[old:ENROLLED_IN_CLASS]->(:CLASS {id: row.end_id})
WITH row, start, collect(old) AS olds, coalesce(max(old.version), 0) AS held
WITH row, start, olds, held, CASE WHEN held <= row.version THEN [1] ELSE [] END AS apply
FOREACH (_ IN apply |
  FOREACH (old IN olds | DELETE old)
  MERGE (buried:MIRROR_TOMBSTONE {key: row.record})
  SET buried.version = CASE WHEN buried.version > row.version THEN buried.version ELSE row.version END
)
REMOVE start._lock
RETURN collect([row.key, CASE WHEN size(apply) = 1 THEN row.version ELSE held END, size(apply)]) AS answers
