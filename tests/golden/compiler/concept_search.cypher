// concepts(search: "Stra\u00dfe NET", orderBy: "MENTIONS", first: 20) {
//   nodes {
//     id
//   }
//   totalCount
// }

UNWIND $keys AS key
RETURN [[COLLECT {
  MATCH (course_concepts:CONCEPT {course_id: key}) WHERE course_concepts.key IS NOT NULL AND (all(word IN $course_concepts_search WHERE course_concepts.key CONTAINS word[1]) OR any(name IN course_concepts.aliases WHERE all(word IN $course_concepts_search WHERE toLower(name) CONTAINS word[0])))
  WITH course_concepts, COUNT { (course_concepts)<-[:HAS_CONCEPT]-() } AS course_concepts_count
  WITH course_concepts, course_concepts_count AS course_concepts_by0, course_concepts.name AS course_concepts_by1, course_concepts.id AS course_concepts_by2
  ORDER BY course_concepts_by0 DESC, course_concepts_by1, course_concepts_by2 LIMIT $course_concepts_limit
  RETURN [course_concepts_by0, course_concepts_by1, course_concepts_by2, [course_concepts.id]] ORDER BY course_concepts_by0 DESC, course_concepts_by1, course_concepts_by2
}, COLLECT {
  MATCH (course_concepts:CONCEPT {course_id: key}) WHERE course_concepts.key IS NOT NULL AND (all(word IN $course_concepts_search WHERE course_concepts.key CONTAINS word[1]) OR any(name IN course_concepts.aliases WHERE all(word IN $course_concepts_search WHERE toLower(name) CONTAINS word[0])))
  RETURN count(*)
}]] AS items, key

// read_course_concepts {
//   "keys": [
//     1
//   ],
//   "course_concepts_search": [
//     [
//       "straße",
//       "strasse"
//     ],
//     [
//       "net",
//       "net"
//     ]
//   ],
//   "course_concepts_limit": 21
// }
