// Write how well a student masters a skill.
//
// Parameters:
//   $rows: list of {key, record, version, start_id, end_id, updated_at, properties};
//          at most 1,000; record is "MASTERY:key", times are ISO text
//
// Promise: applies a row only when its version is at least the one held and above the one buried, read
// under the write lock of the start node; a row whose ends are missing writes nothing and is not returned.
// Returns one list of [key, version found (held or buried, or the row's own when it was applied), applied (1 or 0)].
UNWIND $rows AS row
MATCH (start:STUDENT {id: row.start_id})
MATCH (finish:SKILL {id: row.end_id})
SET start._lock = true
MERGE (start)-[link:MASTERS_SKILL]->(finish)
WITH row, start, link, coalesce(link.version, 0) AS held
OPTIONAL MATCH (buried:MIRROR_TOMBSTONE {key: row.record})
WITH row, start, link, held, buried, coalesce(buried.version, 0) AS buried_version
WITH row, start, link, held, buried, buried_version,
     CASE WHEN row.version >= held AND row.version > buried_version THEN [1] ELSE [] END AS apply
FOREACH (_ IN apply |
  SET link += row.properties, link.version = row.version, link.updated_at = datetime(row.updated_at)
  DELETE buried
)
FOREACH (_ IN CASE WHEN size(apply) = 0 AND held = 0 THEN [1] ELSE [] END | DELETE link)
REMOVE start._lock
RETURN collect([
  row.key,
  CASE WHEN size(apply) = 1 THEN row.version WHEN held > buried_version THEN held ELSE buried_version END,
  size(apply)
]) AS answers
