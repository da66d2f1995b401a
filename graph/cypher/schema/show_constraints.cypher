// Purpose: read which uniqueness constraints exist. Both engines answer in this shape.
// Parameters: none.
// Promise: one row [label, properties, type] for each constraint on nodes; nothing is changed.
SHOW CONSTRAINTS YIELD entityType, labelsOrTypes, properties, type
WHERE entityType = 'NODE'
RETURN labelsOrTypes[0] AS label, properties, type
ORDER BY label, properties
