// Remove HAS_VIDEO relationships that SQL knows nothing of, and the copies of those that it knows.
//
// Parameters:
//   $rows: list of {id, start_id, end_id, type}; id is the one of the :VIDEO node; type only for relations
//          between concepts, else null
//
// Promise: touches no other relationship. Returns how many went.
UNWIND $rows AS row
MATCH (finish:VIDEO {id: row.id})
MATCH (finish)<-[link:HAS_VIDEO]-(start)
WHERE start.id = row.start_id AND finish.id = row.end_id AND (row.type IS NULL OR link.type = row.type)
DELETE link
RETURN count(*) AS gone
