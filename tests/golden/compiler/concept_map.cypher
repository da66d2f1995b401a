// conceptMap(centerId: "c", depth: 2, types: ["IS_A"], limit: 150) {
//   truncated
//   concepts {
//     id
//     name
//   }
//   relations {
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
// }

MATCH (map_concepts_center:CONCEPT {id: $center}) WHERE map_concepts_center.course_id = $course MATCH map_concepts_path = (map_concepts_center)-[:CONCEPT_RELATION*0..2]-(map_concepts) WHERE all(edge IN relationships(map_concepts_path) WHERE edge.type IN $types) WITH map_concepts, min(length(map_concepts_path)) AS map_concepts_place
WITH map_concepts, map_concepts_place ORDER BY map_concepts_place, map_concepts.name, map_concepts.id LIMIT $limit_and_one
WITH map_concepts, map_concepts_place, [[map_concepts.id, map_concepts.name]] AS map_rows_each ORDER BY map_concepts_place, map_concepts.name, map_concepts.id
WITH collect(map_concepts) AS map_all, collect(map_rows_each) AS map_rows
WITH map_all[..$limit] AS map_among, map_rows, size(map_all) AS map_all_size
WITH map_among, map_rows, map_all_size, [COLLECT {
  UNWIND map_among AS map_relations_source MATCH (map_relations_source)-[map_relations_r:CONCEPT_RELATION]->(map_relations_target) WHERE map_relations_target IN map_among AND map_relations_r.type IN $types
  RETURN [map_relations_source.id, map_relations_r.type, map_relations_target.id, map_relations_r.type, map_relations_r.reason, [map_relations_source.id], [map_relations_target.id]] ORDER BY map_relations_source.name, map_relations_r.type, map_relations_target.name, map_relations_source.id, map_relations_target.id LIMIT $map_relations_limit
}] AS map_all_relations
RETURN map_rows[..$limit] AS concepts, map_all_size AS size, map_all_relations AS relations

// read_concept_map {
//   "course": 1,
//   "center": "c",
//   "types": [
//     "IS_A"
//   ],
//   "limit": 150,
//   "limit_and_one": 151,
//   "map_relations_limit": 10000
// }
