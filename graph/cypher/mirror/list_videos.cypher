// List the ids of :VIDEO nodes, a page at a time.
//
// Parameters:
//   $after: the last id of the page before
//   $limit: rows at most
//
// Promise: reads only, in the order of the ids. Returns id; a copy of a node is a row of its own.
MATCH (n:VIDEO)
WHERE n.id > $after
RETURN n.id AS id ORDER BY id LIMIT $limit
