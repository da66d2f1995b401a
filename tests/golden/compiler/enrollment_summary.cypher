// masterySummary(chapterId: "ch") {
//   averageMastery
//   masteredCount
//   skillCount
// }

UNWIND $keys AS key
WITH key[0] AS course, key[1] AS students
CALL (course) {
  MATCH (:CHAPTER {id: $enrollment_masterySummary_set_chapterId})-[:HAS_THEORY]->()-[:HAS_SKILL]->(enrollment_masterySummary_set) WHERE enrollment_masterySummary_set.course_id = course
  RETURN collect(DISTINCT enrollment_masterySummary_set) AS enrollment_masterySummary_skills
}
CALL (students) {
  UNWIND students AS people_student MATCH (people:STUDENT {id: people_student})
  RETURN collect(people) AS people_all, collect([people_student, people]) AS people_pairs
}
CALL (enrollment_masterySummary_skills, people_all, people_pairs) {
  WITH enrollment_masterySummary_skills, people_all, people_pairs, COLLECT { UNWIND enrollment_masterySummary_skills AS enrollment_masterySummary_each RETURN sum(COUNT { (enrollment_masterySummary_each)<-[:MASTERS_SKILL]-() }) } AS enrollment_masterySummary_up, COLLECT { UNWIND people_all AS enrollment_masterySummary_each RETURN sum(COUNT { (enrollment_masterySummary_each)-[:MASTERS_SKILL]->() }) } AS enrollment_masterySummary_down
  CALL (enrollment_masterySummary_skills, people_all, people_pairs, enrollment_masterySummary_up, enrollment_masterySummary_down) {
    WITH enrollment_masterySummary_skills, people_all, people_pairs, enrollment_masterySummary_up, enrollment_masterySummary_down WHERE enrollment_masterySummary_up[0] <= enrollment_masterySummary_down[0]
    UNWIND enrollment_masterySummary_skills AS enrollment_masterySummary_skill MATCH (enrollment_masterySummary_skill)<-[enrollment_masterySummary_r:MASTERS_SKILL]-(enrollment_masterySummary_student) WHERE enrollment_masterySummary_student IN people_all
    WITH enrollment_masterySummary_student.id AS enrollment_masterySummary_key, count(enrollment_masterySummary_r) AS enrollment_masterySummary_edges, avg(enrollment_masterySummary_r.current_mastery) AS enrollment_masterySummary_averageMastery, sum(CASE WHEN coalesce(enrollment_masterySummary_r.mastery_category, 'NOT_STARTED') = 'MASTERED' THEN 1 ELSE 0 END) AS enrollment_masterySummary_masteredCount, count(enrollment_masterySummary_skill) AS enrollment_masterySummary_skillCount
    RETURN collect([enrollment_masterySummary_key, enrollment_masterySummary_edges, enrollment_masterySummary_averageMastery, enrollment_masterySummary_masteredCount, enrollment_masterySummary_skillCount]) AS enrollment_masterySummary_rows
    UNION ALL
    WITH enrollment_masterySummary_skills, people_all, people_pairs, enrollment_masterySummary_up, enrollment_masterySummary_down WHERE enrollment_masterySummary_up[0] > enrollment_masterySummary_down[0]
    UNWIND people_pairs AS enrollment_masterySummary_pair WITH enrollment_masterySummary_skills, enrollment_masterySummary_pair[0] AS enrollment_masterySummary_who, enrollment_masterySummary_pair[1] AS enrollment_masterySummary_student
    MATCH (enrollment_masterySummary_student)-[enrollment_masterySummary_r:MASTERS_SKILL]->(enrollment_masterySummary_skill) WHERE enrollment_masterySummary_skill IN enrollment_masterySummary_skills
    WITH enrollment_masterySummary_who AS enrollment_masterySummary_key, count(enrollment_masterySummary_r) AS enrollment_masterySummary_edges, avg(enrollment_masterySummary_r.current_mastery) AS enrollment_masterySummary_averageMastery, sum(CASE WHEN coalesce(enrollment_masterySummary_r.mastery_category, 'NOT_STARTED') = 'MASTERED' THEN 1 ELSE 0 END) AS enrollment_masterySummary_masteredCount, count(enrollment_masterySummary_skill) AS enrollment_masterySummary_skillCount
    RETURN collect([enrollment_masterySummary_key, enrollment_masterySummary_edges, enrollment_masterySummary_averageMastery, enrollment_masterySummary_masteredCount, enrollment_masterySummary_skillCount]) AS enrollment_masterySummary_rows
  }
  RETURN collect(enrollment_masterySummary_rows) AS enrollment_masterySummary_sides
}
RETURN [size(enrollment_masterySummary_skills), enrollment_masterySummary_sides] AS parts, course, students

// read_enrollment_masterySummary {
//   "keys": [
//     [
//       1,
//       [
//         11
//       ]
//     ]
//   ],
//   "enrollment_masterySummary_set_chapterId": "ch"
// }
