// Write :VIDEO nodes with the whole sets of their theories and concepts.
//
// Parameters:
//   $rows: list of {key, record, version, id, theory_ids, concept_ids, created_at, updated_at, properties}; at most 1,000; record is "RESOURCE:key",
//          times are ISO text
//
// Promise: applies a row only when its version is at least the one held and above the one buried, read
// under the write lock of the node; a row whose ends are missing writes nothing and is not returned.
// Returns one list of [key, version found (held or buried, or the row's own when it was applied), applied (1 or 0)].
// The '' keeps the row of an empty list. It is no null: the embedded engine reads a whole label to look one up.
UNWIND $rows AS row
UNWIND row.theory_ids + [''] AS theory_id
OPTIONAL MATCH (theory:THEORY {id: theory_id})
WITH row, collect(CASE WHEN theory_id <> '' THEN theory END) AS theory_nodes
UNWIND row.concept_ids + [''] AS concept_id
OPTIONAL MATCH (concept:CONCEPT {id: concept_id})
WITH row, theory_nodes, collect(CASE WHEN concept_id <> '' THEN concept END) AS concept_nodes
WHERE size(theory_nodes) = size(row.theory_ids) AND size(concept_nodes) = size(row.concept_ids)
MERGE (former:READING {id: row.id})
MERGE (n:VIDEO {id: row.id})
SET n._lock = true, former._lock = true
WITH row, theory_nodes, concept_nodes, n, former, coalesce(n.version, 0) AS own, coalesce(former.version, 0) AS other
WITH row, theory_nodes, concept_nodes, n, former, own, other, CASE WHEN own > other THEN own ELSE other END AS held
OPTIONAL MATCH (buried:MIRROR_TOMBSTONE {key: row.record})
WITH row, theory_nodes, concept_nodes, n, former, own, other, held, buried, coalesce(buried.version, 0) AS buried_version
WITH row, theory_nodes, concept_nodes, n, former, own, other, held, buried, buried_version,
     CASE WHEN row.version >= held AND row.version > buried_version THEN [1] ELSE [] END AS apply
OPTIONAL MATCH (n)<-[stale:HAS_VIDEO]-(linked)
WHERE size(apply) = 1 AND NOT linked.id IN row.theory_ids
WITH row, theory_nodes, concept_nodes, n, former, own, other, held, buried, buried_version, apply, collect(stale) AS theory_stales
OPTIONAL MATCH (n)-[stale:COVERS_CONCEPT]->(linked)
WHERE size(apply) = 1 AND NOT linked.id IN row.concept_ids
WITH row, theory_nodes, concept_nodes, n, former, own, other, held, buried, buried_version, apply, theory_stales, collect(stale) AS concept_stales
FOREACH (stale IN theory_stales | DELETE stale)
FOREACH (stale IN concept_stales | DELETE stale)
FOREACH (_ IN apply |
  SET n += row.properties, n.version = row.version,
      n.created_at = datetime(row.created_at),
      n.updated_at = datetime(row.updated_at)
  FOREACH (linked IN theory_nodes |
    MERGE (n)<-[link:HAS_VIDEO]-(linked)
    SET link.version = row.version
  )
  FOREACH (linked IN concept_nodes |
    MERGE (n)-[link:COVERS_CONCEPT]->(linked)
    SET link.version = row.version
  )
  DETACH DELETE former
)
FOREACH (_ IN apply | DELETE buried)
FOREACH (_ IN CASE WHEN size(apply) = 0 AND own = 0 THEN [1] ELSE [] END | DELETE n)
FOREACH (_ IN CASE WHEN size(apply) = 0 AND other = 0 THEN [1] ELSE [] END | DELETE former)
REMOVE n._lock, former._lock
RETURN collect([
  row.key,
  CASE WHEN size(apply) = 1 THEN row.version WHEN held > buried_version THEN held ELSE buried_version END,
  size(apply)
]) AS answers
