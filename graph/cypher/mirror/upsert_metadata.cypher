// Write :METADATA nodes, the entries of a learner's profile.
//
// Parameters:
//   $rows: list of {key, record, version, id, student_id, updated_at, properties}; at most 1,000; record is "METADATA:key",
//          times are ISO text
//
// Promise: applies a row only when its version is at least the one held and above the one buried, read
// under the write lock of the node; a row whose ends are missing writes nothing and is not returned.
// Returns one list of [key, version found (held or buried, or the row's own when it was applied), applied (1 or 0)].
UNWIND $rows AS row
MATCH (parent:STUDENT {id: row.student_id})
MERGE (n:METADATA {id: row.id})
SET n._lock = true
WITH row, parent, n, coalesce(n.version, 0) AS held
OPTIONAL MATCH (buried:MIRROR_TOMBSTONE {key: row.record})
WITH row, parent, n, held, buried, coalesce(buried.version, 0) AS buried_version
WITH row, parent, n, held, buried, buried_version,
     CASE WHEN row.version >= held AND row.version > buried_version THEN [1] ELSE [] END AS apply
OPTIONAL MATCH (n)<-[stale:HAS_METADATA]-(other)
WHERE size(apply) = 1 AND other.id <> row.student_id
WITH row, parent, n, held, buried, buried_version, apply, collect(stale) AS stales
FOREACH (stale IN stales | DELETE stale)
FOREACH (_ IN apply |
  SET n += row.properties, n.version = row.version,
      n.updated_at = datetime(row.updated_at)
  MERGE (n)<-[link:HAS_METADATA]-(parent)
  SET link.version = row.version
)
FOREACH (_ IN apply | DELETE buried)
FOREACH (_ IN CASE WHEN size(apply) = 0 AND held = 0 THEN [1] ELSE [] END | DELETE n)
REMOVE n._lock
RETURN collect([
  row.key,
  CASE WHEN size(apply) = 1 THEN row.version WHEN held > buried_version THEN held ELSE buried_version END,
  size(apply)
]) AS answers
