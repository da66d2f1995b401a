// Read the HAS_SKILL relationships of some :SKILL nodes, with every copy and whatever the other end is.
//
// Parameters:
//   $ids: list of ids, at most 1,000
//
// Promise: reads only. Returns start id, labels of the start, end id, labels of the end, all properties.
UNWIND $ids AS id
MATCH (finish:SKILL {id: id})
MATCH (finish)<-[link:HAS_SKILL]-(start)
RETURN start.id AS start_id, labels(start) AS start_labels, finish.id AS end_id, labels(finish) AS end_labels,
       properties(link) AS properties
