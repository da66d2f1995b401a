// skill {
//   id
//   prerequisites {
//     id
//     strength
//     status
//     decidedBy
//   }
//   resources {
//     ... on Reading {
//       id
//       title
//     }
//     ... on Video {
//       id
//       title
//       url
//     }
//   }
// }

UNWIND $keys AS key
MATCH (skill:SKILL {id: key})
RETURN [skill.id, COLLECT {
  MATCH (skill)<-[skill_prerequisites_r:PREREQUISITE_OF]-(skill_prerequisites_prerequisite)
  RETURN [skill_prerequisites_prerequisite.id, skill.id, skill_prerequisites_r.strength] ORDER BY skill_prerequisites_prerequisite.name, skill_prerequisites_prerequisite.id LIMIT $skill_prerequisites_limit
}, COLLECT {
  MATCH (skill)<-[:HAS_SKILL]-()-[:HAS_READING|HAS_VIDEO]->(skill_resources)
  WITH DISTINCT skill, skill_resources WITH skill_resources, EXISTS { MATCH (skill)-[:REQUIRES_CONCEPT]->()<-[:COVERS_CONCEPT]-(skill_resources) } AS skill_resources_covers
  WITH skill_resources, skill_resources_covers ORDER BY skill_resources_covers DESC, skill_resources.title, skill_resources.id LIMIT $skill_resources_limit
  RETURN CASE WHEN skill_resources:READING THEN [0, [skill_resources.id, skill_resources.title]] ELSE [1, [skill_resources.id, skill_resources.title, skill_resources.url]] END ORDER BY skill_resources_covers DESC, skill_resources.title, skill_resources.id
}, skill.course_id]

// read_skill {
//   "keys": [
//     "a",
//     "b"
//   ],
//   "skill_prerequisites_limit": 50,
//   "skill_resources_limit": 20
// }
