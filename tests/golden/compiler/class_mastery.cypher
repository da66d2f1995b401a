// classMastery(first: 30) {
//   totalCount
//   skills {
//     id
//     name
//   }
//   edges {
//     cursor
//     node {
//       masterySummary(chapterId: "ch") {
//         averageMastery
//         masteredCount
//         skillCount
//       }
//     }
//     cells {
//       id
//       currentMastery
//       confidence
//       masteryCategory
//     }
//   }
//   pageInfo {
//     hasNextPage
//     hasPreviousPage
//     endCursor
//   }
// }

UNWIND $keys AS key
WITH key[0] AS course, key[1] AS students
CALL (course) {
  MATCH (:CHAPTER {id: $class_edges_node_masterySummary_set_chapterId})-[:HAS_THEORY]->()-[:HAS_SKILL]->(class_edges_node_masterySummary_set) WHERE class_edges_node_masterySummary_set.course_id = course
  RETURN collect(DISTINCT class_edges_node_masterySummary_set) AS class_edges_node_masterySummary_skills
}
CALL (students) {
  UNWIND students AS people_student MATCH (people:STUDENT {id: people_student})
  RETURN collect(people) AS people_all
}
CALL (class_edges_node_masterySummary_skills, people_all) {
  WITH class_edges_node_masterySummary_skills, people_all, COLLECT { UNWIND class_edges_node_masterySummary_skills AS class_edges_node_masterySummary_each RETURN sum(COUNT { (class_edges_node_masterySummary_each)<-[:MASTERS_SKILL]-() }) } AS class_edges_node_masterySummary_up, COLLECT { UNWIND people_all AS class_edges_node_masterySummary_each RETURN sum(COUNT { (class_edges_node_masterySummary_each)-[:MASTERS_SKILL]->() }) } AS class_edges_node_masterySummary_down
  CALL (class_edges_node_masterySummary_skills, people_all, class_edges_node_masterySummary_up, class_edges_node_masterySummary_down) {
    WITH class_edges_node_masterySummary_skills, people_all, class_edges_node_masterySummary_up, class_edges_node_masterySummary_down WHERE class_edges_node_masterySummary_up[0] <= class_edges_node_masterySummary_down[0]
    UNWIND class_edges_node_masterySummary_skills AS class_edges_node_masterySummary_skill MATCH (class_edges_node_masterySummary_skill)<-[class_edges_node_masterySummary_r:MASTERS_SKILL]-(class_edges_node_masterySummary_student) WHERE class_edges_node_masterySummary_student IN people_all RETURN class_edges_node_masterySummary_student, class_edges_node_masterySummary_skill, class_edges_node_masterySummary_r
    UNION ALL WITH class_edges_node_masterySummary_skills, people_all, class_edges_node_masterySummary_up, class_edges_node_masterySummary_down WHERE class_edges_node_masterySummary_up[0] > class_edges_node_masterySummary_down[0]
    UNWIND people_all AS class_edges_node_masterySummary_student MATCH (class_edges_node_masterySummary_student)-[class_edges_node_masterySummary_r:MASTERS_SKILL]->(class_edges_node_masterySummary_skill) WHERE class_edges_node_masterySummary_skill IN class_edges_node_masterySummary_skills RETURN class_edges_node_masterySummary_student, class_edges_node_masterySummary_skill, class_edges_node_masterySummary_r
  }
  WITH class_edges_node_masterySummary_student, count(class_edges_node_masterySummary_r) AS class_edges_node_masterySummary_edges, avg(class_edges_node_masterySummary_r.current_mastery) AS class_edges_node_masterySummary_averageMastery, sum(CASE WHEN coalesce(class_edges_node_masterySummary_r.mastery_category, 'NOT_STARTED') = 'MASTERED' THEN 1 ELSE 0 END) AS class_edges_node_masterySummary_masteredCount, count(class_edges_node_masterySummary_skill) AS class_edges_node_masterySummary_skillCount
  RETURN collect([class_edges_node_masterySummary_student.id, class_edges_node_masterySummary_edges, class_edges_node_masterySummary_averageMastery, class_edges_node_masterySummary_masteredCount, class_edges_node_masterySummary_skillCount]) AS class_edges_node_masterySummary_rows
}
CALL (course) {
  CALL (course) {
    MATCH (column:SKILL {course_id: course}) RETURN column, null AS column_at
    UNION ALL MATCH (:CLASS {id: course})-[:COVERS_CHAPTER]->(column_chapter)-[:HAS_THEORY]->(column_theory)-[:HAS_SKILL]->(column) RETURN column, column_chapter.order * 1000 + column_theory.order AS column_at
  }
  WITH column, coalesce(min(column_at), 1000000000) AS column_place
  WITH column, column_place ORDER BY column_place, column.name, column.id LIMIT $columns_limit
  WITH column, column_place, [column.id, [column.id, column.name]] AS column_row ORDER BY column_place, column.name, column.id
  RETURN collect(column) AS columns, collect(column_row) AS column_rows
}
CALL (columns, people_all) {
  WITH columns, people_all, COLLECT { UNWIND columns AS cell_each RETURN sum(COUNT { (cell_each)<-[:MASTERS_SKILL]-() }) } AS cell_up, COLLECT { UNWIND people_all AS cell_each RETURN sum(COUNT { (cell_each)-[:MASTERS_SKILL]->() }) } AS cell_down
  CALL (columns, people_all, cell_up, cell_down) {
    WITH columns, people_all, cell_up, cell_down WHERE cell_up[0] <= cell_down[0]
    UNWIND columns AS cell_skill MATCH (cell_skill)<-[cell_r:MASTERS_SKILL]-(cell_student) WHERE cell_student IN people_all RETURN cell_student, cell_skill, cell_r
    UNION ALL WITH columns, people_all, cell_up, cell_down WHERE cell_up[0] > cell_down[0]
    UNWIND people_all AS cell_student MATCH (cell_student)-[cell_r:MASTERS_SKILL]->(cell_skill) WHERE cell_skill IN columns RETURN cell_student, cell_skill, cell_r
  }
  WITH cell_skill, collect([cell_student.id, cell_r.current_mastery, coalesce(cell_r.confidence, 0.0), coalesce(cell_r.mastery_category, 'NOT_STARTED')]) AS cells
  RETURN collect([cell_skill.id, cells]) AS cell_rows
}
RETURN [size(class_edges_node_masterySummary_skills), class_edges_node_masterySummary_rows, column_rows, cell_rows] AS parts, course, students

// read_class_mastery {
//   "keys": [
//     [
//       1,
//       [
//         11,
//         12
//       ]
//     ]
//   ],
//   "class_edges_node_masterySummary_set_chapterId": "ch",
//   "columns_limit": 100
// }
