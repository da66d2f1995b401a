// Remove COVERS_CHAPTER relationships that SQL knows nothing of, and the copies of those that it knows.
//
// Parameters:
//   $rows: list of {id, start_id, end_id, type}; id is the one of the :CHAPTER node; type only for relations
//          between concepts, else null
//
// Promise: touches no other relationship. Returns how many went.
UNWIND $rows AS row
MATCH (finish:CHAPTER {id: row.id})
MATCH (finish)<-[link:COVERS_CHAPTER]-(start)
WHERE start.id = row.start_id AND finish.id = row.end_id AND (row.type IS NULL OR link.type = row.type)
DELETE link
RETURN count(*) AS gone
