// Remove the :METADATA node of each row with its edges.
//
// Parameters:
//   $rows: list of {key, record, version, id}; at most 1,000; record is "METADATA:key"
//
// Promise: leaves a tombstone with the version, so that a late upsert cannot bring the record back; a node
// with a larger version stays. Returns one list of [key, version found, applied (1 or 0)].
UNWIND $rows AS row
MERGE (n:METADATA {id: row.id})
SET n._lock = true
WITH row, n, coalesce(n.version, 0) AS held
WITH row, n, held, CASE WHEN held <= row.version THEN [1] ELSE [] END AS apply
FOREACH (_ IN apply |
  MERGE (buried:MIRROR_TOMBSTONE {key: row.record})
  SET buried.version = CASE WHEN buried.version > row.version THEN buried.version ELSE row.version END
  DETACH DELETE n
)
REMOVE n._lock
RETURN collect([row.key, CASE WHEN size(apply) = 1 THEN row.version ELSE held END, size(apply)]) AS answers
