// Remove nodes that no key leads to, by the engine's own ids.
//
// Parameters:
//   $ids: list of the engine's ids as find_keyless returns them, at most 1,000
//
// Promise: touches only nodes of the project's labels. Returns how many went.
UNWIND $ids AS element
MATCH (n)
WHERE elementId(n) = element
  AND (n:STUDENT OR n:TEACHER OR n:CLASS OR n:CHAPTER OR n:THEORY OR n:SKILL OR n:CONCEPT OR n:READING OR n:VIDEO OR n:METADATA OR n:PROGRESS)
DETACH DELETE n
RETURN count(*) AS gone
