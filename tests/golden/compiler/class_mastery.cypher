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
  RETURN collect(people) AS people_all, collect([people_student, people]) AS people_pairs
}
CALL (class_edges_node_masterySummary_skills, people_all, people_pairs) {
  WITH class_edges_node_masterySummary_skills, people_all, people_pairs, COLLECT { UNWIND class_edges_node_masterySummary_skills AS class_edges_node_masterySummary_each RETURN sum(COUNT { (class_edges_node_masterySummary_each)<-[:MASTERS_SKILL]-() }) } AS class_edges_node_masterySummary_up, COLLECT { UNWIND people_all AS class_edges_node_masterySummary_each RETURN sum(COUNT { (class_edges_node_masterySummary_each)-[:MASTERS_SKILL]->() }) } AS class_edges_node_masterySummary_down
  CALL (class_edges_node_masterySummary_skills, people_all, people_pairs, class_edges_node_masterySummary_up, class_edges_node_masterySummary_down) {
    WITH class_edges_node_masterySummary_skills, people_all, people_pairs, class_edges_node_masterySummary_up, class_edges_node_masterySummary_down WHERE class_edges_node_masterySummary_up[0] <= class_edges_node_masterySummary_down[0]
    UNWIND class_edges_node_masterySummary_skills AS class_edges_node_masterySummary_skill MATCH (class_edges_node_masterySummary_skill)<-[class_edges_node_masterySummary_r:MASTERS_SKILL]-(class_edges_node_masterySummary_student) WHERE class_edges_node_masterySummary_student IN people_all
    WITH class_edges_node_masterySummary_student.id AS class_edges_node_masterySummary_key, count(class_edges_node_masterySummary_r) AS class_edges_node_masterySummary_edges, avg(class_edges_node_masterySummary_r.current_mastery) AS class_edges_node_masterySummary_averageMastery, sum(CASE WHEN coalesce(class_edges_node_masterySummary_r.mastery_category, 'NOT_STARTED') = 'MASTERED' THEN 1 ELSE 0 END) AS class_edges_node_masterySummary_masteredCount, count(class_edges_node_masterySummary_skill) AS class_edges_node_masterySummary_skillCount
    RETURN collect([class_edges_node_masterySummary_key, class_edges_node_masterySummary_edges, class_edges_node_masterySummary_averageMastery, class_edges_node_masterySummary_masteredCount, class_edges_node_masterySummary_skillCount]) AS class_edges_node_masterySummary_rows
    UNION ALL
    WITH class_edges_node_masterySummary_skills, people_all, people_pairs, class_edges_node_masterySummary_up, class_edges_node_masterySummary_down WHERE class_edges_node_masterySummary_up[0] > class_edges_node_masterySummary_down[0]
    UNWIND people_pairs AS class_edges_node_masterySummary_pair WITH class_edges_node_masterySummary_skills, class_edges_node_masterySummary_pair[0] AS class_edges_node_masterySummary_who, class_edges_node_masterySummary_pair[1] AS class_edges_node_masterySummary_student
    MATCH (class_edges_node_masterySummary_student)-[class_edges_node_masterySummary_r:MASTERS_SKILL]->(class_edges_node_masterySummary_skill) WHERE class_edges_node_masterySummary_skill IN class_edges_node_masterySummary_skills
    WITH class_edges_node_masterySummary_who AS class_edges_node_masterySummary_key, count(class_edges_node_masterySummary_r) AS class_edges_node_masterySummary_edges, avg(class_edges_node_masterySummary_r.current_mastery) AS class_edges_node_masterySummary_averageMastery, sum(CASE WHEN coalesce(class_edges_node_masterySummary_r.mastery_category, 'NOT_STARTED') = 'MASTERED' THEN 1 ELSE 0 END) AS class_edges_node_masterySummary_masteredCount, count(class_edges_node_masterySummary_skill) AS class_edges_node_masterySummary_skillCount
    RETURN collect([class_edges_node_masterySummary_key, class_edges_node_masterySummary_edges, class_edges_node_masterySummary_averageMastery, class_edges_node_masterySummary_masteredCount, class_edges_node_masterySummary_skillCount]) AS class_edges_node_masterySummary_rows
  }
  RETURN collect(class_edges_node_masterySummary_rows) AS class_edges_node_masterySummary_sides
}
CALL (course) {
  CALL (course) {
    MATCH (:CLASS {id: course})-[:COVERS_CHAPTER]->(column_chapter)-[:HAS_THEORY]->(column_theory)
    WITH column_theory, column_chapter.order * 1000 + column_theory.order AS column_place ORDER BY column_place
    MATCH (column_theory)-[:HAS_SKILL]->(column) WHERE COUNT { (column)<-[:HAS_SKILL]-() } = 1 OR NOT EXISTS { MATCH (column)<-[:HAS_SKILL]-(column_other)<-[:HAS_THEORY]-(column_above) WHERE column_above.order * 1000 + column_other.order < column_place }
    WITH DISTINCT column, column_place
    WITH column, column_place ORDER BY column_place, column.name, column.id LIMIT $columns_limit
    RETURN collect(column) AS column_placed
  }
  CALL (course, column_placed) {
    UNWIND CASE WHEN size(column_placed) < $columns_limit THEN [course] ELSE [] END AS column_searched
    MATCH (column_loose:SKILL {course_id: column_searched}) WHERE NOT column_loose IN column_placed
    WITH column_loose ORDER BY column_loose.name, column_loose.id LIMIT $columns_limit
    RETURN collect(column_loose) AS column_rest
  }
  WITH (column_placed + column_rest)[0..$columns_limit] AS column_list
  UNWIND range(0, size(column_list) - 1) AS column_number
  WITH column_number, column_list[column_number] AS column
  WITH column_number, column, [column.id, [column.id, column.name]] AS column_row ORDER BY column_number
  RETURN collect(column) AS columns, collect(column_row) AS column_rows
}
CALL (columns, people_all, people_pairs) {
  WITH columns, people_all, people_pairs, COLLECT { UNWIND columns AS cell_each RETURN sum(COUNT { (cell_each)<-[:MASTERS_SKILL]-() }) } AS cell_up, COLLECT { UNWIND people_all AS cell_each RETURN sum(COUNT { (cell_each)-[:MASTERS_SKILL]->() }) } AS cell_down
  CALL (columns, people_all, people_pairs, cell_up, cell_down) {
    WITH columns, people_all, people_pairs, cell_up, cell_down WHERE cell_up[0] <= cell_down[0]
    UNWIND columns AS cell_skill MATCH (cell_skill)<-[cell_r:MASTERS_SKILL]-(cell_student) WHERE cell_student IN people_all
    WITH cell_skill, collect([cell_student.id, cell_r.current_mastery, coalesce(cell_r.confidence, 0.0), coalesce(cell_r.mastery_category, 'NOT_STARTED')]) AS cells
    RETURN collect([cell_skill.id, cells]) AS cell_rows
    UNION ALL
    WITH columns, people_all, people_pairs, cell_up, cell_down WHERE cell_up[0] > cell_down[0]
    UNWIND people_pairs AS cell_pair WITH columns, cell_pair[0] AS cell_who, cell_pair[1] AS cell_student
    MATCH (cell_student)-[cell_r:MASTERS_SKILL]->(cell_skill) WHERE cell_skill IN columns
    WITH cell_skill, collect([cell_who, cell_r.current_mastery, coalesce(cell_r.confidence, 0.0), coalesce(cell_r.mastery_category, 'NOT_STARTED')]) AS cells
    RETURN collect([cell_skill.id, cells]) AS cell_rows
  }
  RETURN collect(cell_rows) AS cell_sides
}
RETURN [size(class_edges_node_masterySummary_skills), class_edges_node_masterySummary_sides, column_rows, cell_sides] AS parts, course, students

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
