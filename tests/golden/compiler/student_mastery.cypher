// studentMastery(studentId: 12, orderBy: "WEAKEST", categories: ["STRUGGLING"], first: 50) {
//   nodes {
//     id
//     currentMastery
//     skill {
//       name
//     }
//   }
//   pageInfo {
//     hasNextPage
//     hasPreviousPage
//     endCursor
//   }
//   totalCount
// }

UNWIND $keys AS key
RETURN [[COLLECT {
  CALL (key) { MATCH (student_masteries:SKILL {course_id: $student_masteries_courseId}) RETURN student_masteries, null AS student_masteries_edge UNION ALL MATCH (:STUDENT {id: key})-[student_masteries_edge:MASTERS_SKILL]->(student_masteries) WHERE student_masteries.course_id = $student_masteries_courseId RETURN student_masteries, student_masteries_edge }
  WITH key, student_masteries, head(collect(student_masteries_edge)) AS student_masteries_r WHERE coalesce(student_masteries_r.mastery_category, 'NOT_STARTED') IN $student_masteries_categories
  WITH student_masteries_r, student_masteries, key, coalesce(student_masteries_r.current_mastery, 2.0) AS student_masteries_by0, student_masteries.name AS student_masteries_by1, student_masteries.id AS student_masteries_by2
  ORDER BY student_masteries_by0, student_masteries_by1, student_masteries_by2 LIMIT $student_masteries_limit
  RETURN [student_masteries_by0, student_masteries_by1, student_masteries_by2, [key, student_masteries.id, student_masteries_r.current_mastery, [student_masteries.id, student_masteries.name]]] ORDER BY student_masteries_by0, student_masteries_by1, student_masteries_by2
}, COLLECT {
  CALL (key) { MATCH (student_masteries:SKILL {course_id: $student_masteries_courseId}) RETURN student_masteries, null AS student_masteries_edge UNION ALL MATCH (:STUDENT {id: key})-[student_masteries_edge:MASTERS_SKILL]->(student_masteries) WHERE student_masteries.course_id = $student_masteries_courseId RETURN student_masteries, student_masteries_edge }
  WITH key, student_masteries, head(collect(student_masteries_edge)) AS student_masteries_r WHERE coalesce(student_masteries_r.mastery_category, 'NOT_STARTED') IN $student_masteries_categories
  RETURN count(*)
}]] AS items, key

// read_student_masteries {
//   "keys": [
//     12
//   ],
//   "student_masteries_courseId": 1,
//   "student_masteries_categories": [
//     "STRUGGLING"
//   ],
//   "student_masteries_limit": 51
// }
