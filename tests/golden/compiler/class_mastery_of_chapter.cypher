// classMastery(chapterId: "ch") {
//   edges {
//     cells {
//       trend
//       updatedAt
//       skill {
//         name
//       }
//     }
//   }
// }

UNWIND $keys AS key
WITH key[0] AS course, key[1] AS students
CALL (course) {
  MATCH (:CHAPTER {id: $column_chapterId})-[:HAS_THEORY]->()-[:HAS_SKILL]->(column) WHERE column.course_id = course WITH DISTINCT column
  MATCH (column)<-[:HAS_SKILL]-(column_theory)<-[:HAS_THEORY]-(column_chapter)
  WITH column, min(column_chapter.order * 1000 + column_theory.order) AS column_place
  WITH column, column_place ORDER BY column_place, column.name, column.id LIMIT $columns_limit
  WITH column, column_place, [column.id, [column.id, column.name]] AS column_row ORDER BY column_place, column.name, column.id
  RETURN collect(column) AS columns, collect(column_row) AS column_rows
}
CALL (students) {
  UNWIND students AS people_student MATCH (people:STUDENT {id: people_student})
  RETURN collect(people) AS people_all, collect([people_student, people]) AS people_pairs
}
CALL (columns, people_all, people_pairs) {
  WITH columns, people_all, people_pairs, COLLECT { UNWIND columns AS cell_each RETURN sum(COUNT { (cell_each)<-[:MASTERS_SKILL]-() }) } AS cell_up, COLLECT { UNWIND people_all AS cell_each RETURN sum(COUNT { (cell_each)-[:MASTERS_SKILL]->() }) } AS cell_down
  CALL (columns, people_all, people_pairs, cell_up, cell_down) {
    WITH columns, people_all, people_pairs, cell_up, cell_down WHERE cell_up[0] <= cell_down[0]
    UNWIND columns AS cell_skill MATCH (cell_skill)<-[cell_r:MASTERS_SKILL]-(cell_student) WHERE cell_student IN people_all
    WITH cell_skill, collect([cell_student.id, cell_r.trend, cell_r.updated_at.epochMillis]) AS cells
    RETURN collect([cell_skill.id, cells]) AS cell_rows
    UNION ALL
    WITH columns, people_all, people_pairs, cell_up, cell_down WHERE cell_up[0] > cell_down[0]
    UNWIND people_pairs AS cell_pair WITH columns, cell_pair[0] AS cell_who, cell_pair[1] AS cell_student
    MATCH (cell_student)-[cell_r:MASTERS_SKILL]->(cell_skill) WHERE cell_skill IN columns
    WITH cell_skill, collect([cell_who, cell_r.trend, cell_r.updated_at.epochMillis]) AS cells
    RETURN collect([cell_skill.id, cells]) AS cell_rows
  }
  RETURN collect(cell_rows) AS cell_sides
}
RETURN [column_rows, cell_sides] AS parts, course, students

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
//   "columns_limit": 100,
//   "column_chapterId": "ch"
// }
