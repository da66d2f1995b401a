// masterySummary(chapterId: "ch") {
//   averageMastery
//   masteredCount
//   skillCount
// }

UNWIND $keys AS key
WITH key, key[0] AS course, key[1] AS student
RETURN [COLLECT {
  CALL (course, student) { MATCH (enrollment_masterySummary_skill:SKILL {course_id: course}) RETURN enrollment_masterySummary_skill, null AS enrollment_masterySummary_edge UNION ALL MATCH (:STUDENT {id: student})-[enrollment_masterySummary_edge:MASTERS_SKILL]->(enrollment_masterySummary_skill) WHERE enrollment_masterySummary_skill.course_id = course RETURN enrollment_masterySummary_skill, enrollment_masterySummary_edge }
  WITH enrollment_masterySummary_skill, head(collect(enrollment_masterySummary_edge)) AS enrollment_masterySummary_r WHERE EXISTS { MATCH (:CHAPTER {id: $enrollment_masterySummary_chapterId})-[:HAS_THEORY]->()-[:HAS_SKILL]->(enrollment_masterySummary_skill) }
  WITH avg(enrollment_masterySummary_r.current_mastery) AS enrollment_masterySummary_averageMastery, sum(CASE WHEN coalesce(enrollment_masterySummary_r.mastery_category, 'NOT_STARTED') = 'MASTERED' THEN 1 ELSE 0 END) AS enrollment_masterySummary_masteredCount, count(enrollment_masterySummary_skill) AS enrollment_masterySummary_skillCount
  RETURN [enrollment_masterySummary_averageMastery, enrollment_masterySummary_masteredCount, enrollment_masterySummary_skillCount]
}] AS items, key, course, student

// read_enrollment_masterySummary {
//   "keys": [
//     [
//       1,
//       11
//     ]
//   ],
//   "enrollment_masterySummary_chapterId": "ch"
// }
