// Remove CONCEPT_RELATION relationships that SQL knows nothing of, and the copies of those that it knows.
//
// Parameters:
//   $rows: list of {id, start_id, end_id, type}; id is the one of the :CONCEPT node; type is the relation's,
//          or the text None for one without a type
//
// Promise: touches no other relationship. Returns how many went.
UNWIND $rows AS row
MATCH (start:CONCEPT {id: row.id})-[link:CONCEPT_RELATION]->(finish)
WHERE start.id = row.start_id AND finish.id = row.end_id AND coalesce(link.type, "None") = row.type
DELETE link
RETURN count(*) AS gone
