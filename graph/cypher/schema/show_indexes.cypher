// Purpose: read which indexes exist and whether they are in use yet. Both engines answer in this shape.
// Parameters: none.
// Promise: one row [label, properties, state] for each index on nodes, state ONLINE when it can be used; Neo4j's
// own look-up indexes (no properties) are left out; nothing is changed.
SHOW INDEXES YIELD entityType, labelsOrTypes, properties, state
WHERE entityType = 'NODE' AND properties IS NOT NULL
RETURN labelsOrTypes[0] AS label, properties, state
ORDER BY label, properties
