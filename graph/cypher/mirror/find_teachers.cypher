// Read the :TEACHER nodes of some ids, with every copy.
//
// Parameters:
//   $ids: list of ids, at most 1,000
//
// Promise: reads only. Returns id, all properties, labels; an id that is missing has no row.
UNWIND $ids AS id
MATCH (n:TEACHER {id: id})
RETURN id AS id, properties(n) AS properties, labels(n) AS labels
