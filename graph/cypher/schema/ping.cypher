// Purpose: prove that the database answers, beyond an open port.
// Parameters: none.
// Promise: one row, 1.
RETURN 1 AS one
