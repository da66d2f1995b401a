// Write :PROGRESS nodes, one for each assessment that counts, between student and skill.
//
// Parameters:
//   $rows: list of {key, record, version, id, student_id, skill_id, assessed_at, recorded_at, properties}; at most 1,000; record is "PROGRESS:key",
//          times are ISO text
//
// Promise: applies a row only when its version is at least the one held and above the one buried, read
// under the write lock of the node; a row whose ends are missing writes nothing and is not returned.
// Returns one list of [key, version found (held or buried, or the row's own when it was applied), applied (1 or 0)].
UNWIND $rows AS row
MATCH (student:STUDENT {id: row.student_id})
MATCH (skill:SKILL {id: row.skill_id})
MERGE (n:PROGRESS {id: row.id})
SET n._lock = true
WITH row, student, skill, n, coalesce(n.version, 0) AS held
OPTIONAL MATCH (buried:MIRROR_TOMBSTONE {key: row.record})
WITH row, student, skill, n, held, buried, coalesce(buried.version, 0) AS buried_version
WITH row, student, skill, n, held, buried, buried_version,
     CASE WHEN row.version >= held AND row.version > buried_version THEN [1] ELSE [] END AS apply
FOREACH (_ IN apply |
  SET n += row.properties, n.version = row.version,
      n.assessed_at = datetime(row.assessed_at),
      n.recorded_at = datetime(row.recorded_at)
  MERGE (n)<-[owned:HAS_PROGRESS]-(student)
  SET owned.version = row.version
  MERGE (n)-[about:FOR_SKILL]->(skill)
  SET about.version = row.version
)
FOREACH (_ IN apply | DELETE buried)
FOREACH (_ IN CASE WHEN size(apply) = 0 AND held = 0 THEN [1] ELSE [] END | DELETE n)
REMOVE n._lock
RETURN collect([
  row.key,
  CASE WHEN size(apply) = 1 THEN row.version WHEN held > buried_version THEN held ELSE buried_version END,
  size(apply)
]) AS answers
