// Forget tombstones whose SQL row is about to be forgotten too.
//
// Parameters:
//   $records: list of "KIND:key" text, at most 1,000
//
// Promise: touches nothing else.
UNWIND $records AS record
MATCH (buried:MIRROR_TOMBSTONE {key: record})
DELETE buried
