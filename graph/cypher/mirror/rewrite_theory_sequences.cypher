// Rewrite the NEXT_THEORY chain and the order of all THEORY nodes of each CHAPTER, as a whole.
//
// Parameters:
//   $rows: list of {key, version, owner_id, size, members: [{id, order}]}; members in order, with {id: null} at
//          the end, so that an empty list keeps its row; size does not count it
//
// Promise: all or nothing for each CHAPTER, under its write lock, and never an older version over a newer one
// (sequence_version); no fork, gap or loop is ever visible. A row of which a member is missing or not yet
// under this CHAPTER is not returned. Returns one list of [key, version found, applied (1 or 0)].
UNWIND $rows AS row
MATCH (owner:CHAPTER {id: row.owner_id})
SET owner._lock = true
WITH row, owner, coalesce(owner.sequence_version, 0) AS held
UNWIND row.members AS member
OPTIONAL MATCH (owner)-[:HAS_THEORY]->(found:THEORY {id: member.id})
WITH row, owner, held, member, found ORDER BY member.order
WITH row, owner, held, collect(found) AS nodes
WITH row, owner, held, nodes,
     CASE WHEN row.version >= held AND size(nodes) = row.size THEN [1] ELSE [] END AS apply
OPTIONAL MATCH (owner)-[:HAS_THEORY]->(:THEORY)-[old:NEXT_THEORY]-(:THEORY)
WITH row, owner, held, nodes, apply, collect(DISTINCT old) AS olds
FOREACH (_ IN apply |
  FOREACH (old IN olds | DELETE old)
  FOREACH (i IN range(0, row.size - 1) | FOREACH (n IN [nodes[i]] | SET n.order = i))
  FOREACH (i IN range(0, row.size - 2) |
    FOREACH (a IN [nodes[i]] | FOREACH (b IN [nodes[i + 1]] | CREATE (a)-[:NEXT_THEORY {version: row.version}]->(b)))
  )
  SET owner.sequence_version = row.version
)
REMOVE owner._lock
WITH row, held, apply WHERE size(apply) = 1 OR held > row.version
RETURN collect([row.key, CASE WHEN size(apply) = 1 THEN row.version ELSE held END, size(apply)]) AS answers
