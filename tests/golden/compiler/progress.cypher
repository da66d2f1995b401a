// progress(since: "2026-02-01 00:00:00+00:00", last: 30) {
//   nodes {
//     id
//     score
//     assessedAt
//     skill {
//       id
//       name
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
  MATCH (:STUDENT {id: key})-[:HAS_PROGRESS]->(student_progress)-[:FOR_SKILL]->(student_progress_skill) WHERE student_progress.assessed_at >= datetime($student_progress_since)
  WITH student_progress, student_progress_skill, key, student_progress.assessed_at.epochMillis AS student_progress_by0, student_progress.id AS student_progress_by1
  ORDER BY student_progress_by0, student_progress_by1 LIMIT $student_progress_limit
  RETURN [student_progress_by0, student_progress_by1, [student_progress.id, student_progress.score, student_progress.assessed_at.epochMillis, [student_progress_skill.id, student_progress_skill.name]]] ORDER BY student_progress_by0, student_progress_by1
}]] AS items, key

// read_student_progress {
//   "keys": [
//     11
//   ],
//   "student_progress_since": "2026-02-01T00:00:00+00:00",
//   "student_progress_limit": 31
// }
