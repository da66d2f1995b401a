// Write the :STUDENT nodes of users; a former :TEACHER node of the same user goes, with its edges.
//
// Parameters:
//   $rows: list of {key, record, version, id, created_at, updated_at, properties}; at most 1,000; record is "USER:key",
//          times are ISO text
//
// Promise: applies a row only when its version is at least the one held and above the one buried, read
// under the write lock of the node; a row whose ends are missing writes nothing and is not returned.
// Returns one list of [key, version found (held or buried, or the row's own when it was applied), applied (1 or 0)].
UNWIND $rows AS row
MERGE (n:STUDENT {id: row.id})
MERGE (former:TEACHER {id: row.id})
SET n._lock = true, former._lock = true
WITH row, n, former, coalesce(n.version, 0) AS own, coalesce(former.version, 0) AS other
WITH row, n, former, CASE WHEN own > other THEN own ELSE other END AS held, own, other
OPTIONAL MATCH (buried:MIRROR_TOMBSTONE {key: row.record})
WITH row, n, former, held, own, other, buried, coalesce(buried.version, 0) AS buried_version
WITH row, n, former, held, own, other, buried, buried_version,
     CASE WHEN row.version >= held AND row.version > buried_version THEN [1] ELSE [] END AS apply
FOREACH (_ IN apply |
  SET n += row.properties, n.version = row.version,
      n.created_at = datetime(row.created_at),
      n.updated_at = datetime(row.updated_at)
  DETACH DELETE former
)
FOREACH (_ IN CASE WHEN size(apply) = 0 AND own = 0 THEN [1] ELSE [] END | DELETE n)
FOREACH (_ IN CASE WHEN size(apply) = 0 AND other = 0 THEN [1] ELSE [] END | DELETE former)
FOREACH (_ IN apply | DELETE buried)
REMOVE n._lock, former._lock
RETURN collect([
  row.key,
  CASE WHEN size(apply) = 1 THEN row.version WHEN held > buried_version THEN held ELSE buried_version END,
  size(apply)
]) AS answers
