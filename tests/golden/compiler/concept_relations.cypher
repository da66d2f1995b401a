// conceptRelations(conceptId: "c", direction: "OUTGOING", first: 10, after: "WyIiLCJBIiwiSVNfQSIsIkIiLCJhIiwiYiJd") {
//   nodes {
//     id
//     type
//     reason
//     source {
//       id
//     }
//     target {
//       id
//     }
//   }
//   pageInfo {
//     hasNextPage
//     hasPreviousPage
//     endCursor
//   }
// }

UNWIND $keys AS key
RETURN [[COLLECT {
  MATCH (course_conceptRelations_center:CONCEPT {id: $course_conceptRelations_conceptId})-[course_conceptRelations_r:CONCEPT_RELATION]-() WHERE course_conceptRelations_center.course_id = key WITH DISTINCT key, course_conceptRelations_r, startNode(course_conceptRelations_r) AS course_conceptRelations_source, endNode(course_conceptRelations_r) AS course_conceptRelations_target WHERE course_conceptRelations_source.key IS NOT NULL AND CASE WHEN $course_conceptRelations_direction THEN course_conceptRelations_source.id ELSE course_conceptRelations_target.id END = $course_conceptRelations_conceptId
  WITH course_conceptRelations_r, course_conceptRelations_source, course_conceptRelations_target, course_conceptRelations_source.name AS course_conceptRelations_by0, course_conceptRelations_r.type AS course_conceptRelations_by1, course_conceptRelations_target.name AS course_conceptRelations_by2, course_conceptRelations_source.id AS course_conceptRelations_by3, course_conceptRelations_target.id AS course_conceptRelations_by4
  WHERE (course_conceptRelations_by0 > $course_conceptRelations_after0 OR (course_conceptRelations_by0 = $course_conceptRelations_after0 AND (course_conceptRelations_by1 > $course_conceptRelations_after1 OR (course_conceptRelations_by1 = $course_conceptRelations_after1 AND (course_conceptRelations_by2 > $course_conceptRelations_after2 OR (course_conceptRelations_by2 = $course_conceptRelations_after2 AND (course_conceptRelations_by3 > $course_conceptRelations_after3 OR (course_conceptRelations_by3 = $course_conceptRelations_after3 AND course_conceptRelations_by4 > $course_conceptRelations_after4))))))))
  WITH course_conceptRelations_r, course_conceptRelations_source, course_conceptRelations_target, course_conceptRelations_by0, course_conceptRelations_by1, course_conceptRelations_by2, course_conceptRelations_by3, course_conceptRelations_by4
  ORDER BY course_conceptRelations_by0, course_conceptRelations_by1, course_conceptRelations_by2, course_conceptRelations_by3, course_conceptRelations_by4 LIMIT $course_conceptRelations_limit
  RETURN [course_conceptRelations_by0, course_conceptRelations_by1, course_conceptRelations_by2, course_conceptRelations_by3, course_conceptRelations_by4, [course_conceptRelations_source.id, course_conceptRelations_r.type, course_conceptRelations_target.id, course_conceptRelations_r.type, course_conceptRelations_r.reason, [course_conceptRelations_source.id], [course_conceptRelations_target.id]]] ORDER BY course_conceptRelations_by0, course_conceptRelations_by1, course_conceptRelations_by2, course_conceptRelations_by3, course_conceptRelations_by4
}, COLLECT {
  MATCH (course_conceptRelations_center:CONCEPT {id: $course_conceptRelations_conceptId})-[course_conceptRelations_r:CONCEPT_RELATION]-() WHERE course_conceptRelations_center.course_id = key WITH DISTINCT key, course_conceptRelations_r, startNode(course_conceptRelations_r) AS course_conceptRelations_source, endNode(course_conceptRelations_r) AS course_conceptRelations_target WHERE course_conceptRelations_source.key IS NOT NULL AND CASE WHEN $course_conceptRelations_direction THEN course_conceptRelations_source.id ELSE course_conceptRelations_target.id END = $course_conceptRelations_conceptId
  WITH course_conceptRelations_r, course_conceptRelations_source, course_conceptRelations_target, course_conceptRelations_source.name AS course_conceptRelations_by0, course_conceptRelations_r.type AS course_conceptRelations_by1, course_conceptRelations_target.name AS course_conceptRelations_by2, course_conceptRelations_source.id AS course_conceptRelations_by3, course_conceptRelations_target.id AS course_conceptRelations_by4
  WHERE NOT ((course_conceptRelations_by0 > $course_conceptRelations_after0 OR (course_conceptRelations_by0 = $course_conceptRelations_after0 AND (course_conceptRelations_by1 > $course_conceptRelations_after1 OR (course_conceptRelations_by1 = $course_conceptRelations_after1 AND (course_conceptRelations_by2 > $course_conceptRelations_after2 OR (course_conceptRelations_by2 = $course_conceptRelations_after2 AND (course_conceptRelations_by3 > $course_conceptRelations_after3 OR (course_conceptRelations_by3 = $course_conceptRelations_after3 AND course_conceptRelations_by4 > $course_conceptRelations_after4)))))))))
  RETURN 1 LIMIT 1
}]] AS items, key

// read_course_conceptRelations {
//   "keys": [
//     1
//   ],
//   "course_conceptRelations_conceptId": "c",
//   "course_conceptRelations_direction": true,
//   "course_conceptRelations_after0": "A",
//   "course_conceptRelations_after1": "IS_A",
//   "course_conceptRelations_after2": "B",
//   "course_conceptRelations_after3": "a",
//   "course_conceptRelations_after4": "b",
//   "course_conceptRelations_limit": 11
// }
