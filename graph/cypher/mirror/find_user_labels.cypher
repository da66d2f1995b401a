// Tell what the graph holds of each user before it is written: which role, or that it was removed.
//
// Parameters:
//   $ids: list of user ids (int), at most 1,000
//   $records: the same as "USER:id" text
//
// Promise: reads only. Returns id, one of "STUDENT", "TEACHER", "BURIED".
UNWIND $ids AS id
MATCH (n:STUDENT {id: id})
RETURN id AS id, "STUDENT" AS held
UNION ALL
UNWIND $ids AS id
MATCH (n:TEACHER {id: id})
RETURN id AS id, "TEACHER" AS held
UNION ALL
UNWIND $records AS record
MATCH (n:MIRROR_TOMBSTONE {key: record})
RETURN record AS id, "BURIED" AS held
