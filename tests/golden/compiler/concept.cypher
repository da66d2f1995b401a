// concept {
//   id
//   name
//   aliases
//   definition
//   mentionCount
//   mentions(limit: 5) {
//     id
//     sourceDocument
//     theory {
//       id
//       chapter {
//         id
//         name
//       }
//     }
//   }
//   resources(limit: 5) {
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
MATCH (concept:CONCEPT {id: key})
RETURN [concept.id, concept.name, concept.aliases, concept.definition, COUNT { (concept)<-[:HAS_CONCEPT]-() }, COLLECT {
  MATCH (concept)<-[concept_mentions_r:HAS_CONCEPT]-(concept_mentions_theory)<-[:HAS_THEORY]-(concept_mentions_chapter)
  WITH concept_mentions_r, concept_mentions_theory, concept, concept_mentions_chapter ORDER BY concept_mentions_chapter.order, concept_mentions_theory.order, concept_mentions_theory.id LIMIT $concept_mentions_limit
  RETURN [concept_mentions_theory.id, concept.id, concept_mentions_r.source_document, [concept_mentions_theory.id, COLLECT {
    MATCH (concept_mentions_theory)<-[:HAS_THEORY]-(concept_mentions_theory_chapter)
    RETURN [concept_mentions_theory_chapter.id, concept_mentions_theory_chapter.name] ORDER BY concept_mentions_theory_chapter.id LIMIT 1
  }]] ORDER BY concept_mentions_chapter.order, concept_mentions_theory.order, concept_mentions_theory.id
}, COLLECT {
  MATCH (concept)<-[:COVERS_CONCEPT]-(concept_resources)
  WITH concept_resources ORDER BY concept_resources.title, concept_resources.id LIMIT $concept_resources_limit
  RETURN CASE WHEN concept_resources:READING THEN [0, [concept_resources.id, concept_resources.title]] ELSE [1, [concept_resources.id, concept_resources.title, concept_resources.url]] END ORDER BY concept_resources.title, concept_resources.id
}, concept.course_id]

// read_concept {
//   "keys": [
//     "c"
//   ],
//   "concept_mentions_limit": 5,
//   "concept_resources_limit": 5
// }
