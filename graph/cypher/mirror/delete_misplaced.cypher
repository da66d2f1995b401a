// Remove what no key leads to: nodes of the project's labels without an id.
//
// Parameters: none
//
// Promise: touches no other label. Returns how many went.
MATCH (n)
WHERE n.id IS NULL AND (n:STUDENT OR n:TEACHER OR n:CLASS OR n:CHAPTER OR n:THEORY OR n:SKILL OR n:CONCEPT OR n:READING OR n:VIDEO OR n:METADATA OR n:PROGRESS)
DETACH DELETE n
RETURN count(*) AS gone
