// Remove HAS_READING relationships that SQL knows nothing of, and the copies of those that it knows.
//
// Parameters:
//   $rows: list of {id, start_id, end_id, type}; id is the one of the :READING node; type only for relations
//          between concepts, else null
//
// Promise: touches no other relationship. Returns how many went.
UNWIND $rows AS row
MATCH (finish:READING {id: row.id})
MATCH (finish)<-[link:HAS_READING]-(start)
WHERE start.id = row.start_id AND finish.id = row.end_id AND (row.type IS NULL OR link.type = row.type)
DELETE link
RETURN count(*) AS gone
