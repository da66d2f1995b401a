// Remove :PROGRESS nodes that SQL knows nothing of, every copy, with their edges.
//
// Parameters:
//   $ids: list of ids, at most 1,000
//
// Promise: touches no other label. Returns how many went.
UNWIND $ids AS id
MATCH (n:PROGRESS {id: id})
DETACH DELETE n
RETURN count(*) AS gone
