// chapters {
//   id
//   masterySummary {
//     averageMastery
//     masteredCount
//     skillCount
//   }
//   skills {
//     id
//     name
//     mastery(studentId: 12) {
//       id
//       currentMastery
//       confidence
//       masteryCategory
//     }
//   }
// }

UNWIND $keys AS key
RETURN [COLLECT {
  MATCH (:CLASS {id: key})-[:COVERS_CHAPTER]->(course_chapters)
  WITH course_chapters, [course_chapters.id, COLLECT {
    MATCH (course_chapters)-[:HAS_THEORY]->(course_chapters_skills_theory)-[:HAS_SKILL]->(course_chapters_skills)
    WITH course_chapters_skills, min(course_chapters_skills_theory.order) AS course_chapters_skills_place
    RETURN [course_chapters_skills.id, course_chapters_skills.name] ORDER BY course_chapters_skills_place, course_chapters_skills.name, course_chapters_skills.id LIMIT $course_chapters_skills_limit
  }] AS course_chapters_row
  RETURN course_chapters_row ORDER BY course_chapters.order, course_chapters.id LIMIT $course_chapters_limit
}] AS items, key, [CASE WHEN $course_chapters_masterySummary_student IS NOT NULL AND ($course_chapters_masterySummary_visible OR key IN $taught_course_ids) THEN COLLECT {
  CALL (key) { MATCH (:STUDENT {id: $course_chapters_masterySummary_student})-[course_chapters_masterySummary_edge:MASTERS_SKILL]->(course_chapters_masterySummary_skill) WHERE course_chapters_masterySummary_skill.course_id = key RETURN course_chapters_masterySummary_skill, course_chapters_masterySummary_edge, null AS course_chapters_masterySummary_place UNION ALL MATCH (:CLASS {id: key})-[:COVERS_CHAPTER]->(course_chapters_masterySummary_place)-[:HAS_THEORY]->()-[:HAS_SKILL]->(course_chapters_masterySummary_skill) RETURN course_chapters_masterySummary_skill, null AS course_chapters_masterySummary_edge, course_chapters_masterySummary_place } WITH course_chapters_masterySummary_skill, head(collect(course_chapters_masterySummary_edge)) AS course_chapters_masterySummary_r, collect(DISTINCT course_chapters_masterySummary_place) AS course_chapters_masterySummary_places UNWIND course_chapters_masterySummary_places AS course_chapters_masterySummary_parent
  WITH course_chapters_masterySummary_parent, avg(course_chapters_masterySummary_r.current_mastery) AS course_chapters_masterySummary_averageMastery, sum(CASE WHEN coalesce(course_chapters_masterySummary_r.mastery_category, 'NOT_STARTED') = 'MASTERED' THEN 1 ELSE 0 END) AS course_chapters_masterySummary_masteredCount, count(course_chapters_masterySummary_skill) AS course_chapters_masterySummary_skillCount
  RETURN [course_chapters_masterySummary_parent.id, course_chapters_masterySummary_averageMastery, course_chapters_masterySummary_masteredCount, course_chapters_masterySummary_skillCount]
} END, CASE WHEN $course_chapters_skills_mastery_student IS NOT NULL AND ($course_chapters_skills_mastery_visible OR key IN $taught_course_ids) THEN COLLECT {
  MATCH (:STUDENT {id: $course_chapters_skills_mastery_student})-[course_chapters_skills_mastery_r:MASTERS_SKILL]->(course_chapters_skills_mastery_skill) WHERE course_chapters_skills_mastery_skill.course_id = key
  RETURN [$course_chapters_skills_mastery_student, course_chapters_skills_mastery_skill.id, course_chapters_skills_mastery_r.current_mastery, coalesce(course_chapters_skills_mastery_r.confidence, 0.0), coalesce(course_chapters_skills_mastery_r.mastery_category, 'NOT_STARTED')]
} END] AS tables

// read_course_chapters {
//   "keys": [
//     1
//   ],
//   "course_chapters_limit": 200,
//   "course_chapters_masterySummary_student": null,
//   "course_chapters_masterySummary_visible": true,
//   "taught_course_ids": [
//     1,
//     2
//   ],
//   "course_chapters_skills_limit": 1000,
//   "course_chapters_skills_mastery_student": 12,
//   "course_chapters_skills_mastery_visible": false
// }
