// chapters {
//   id
//   name
//   description
//   order
//   version
//   createdAt
//   course
//   theories {
//     id
//     name
//     summary
//     order
//     skills {
//       id
//       name
//       mastery {
//         id
//         currentMastery
//         confidence
//         masteryCategory
//       }
//     }
//     mentions {
//       id
//       definition
//       textEvidence
//       concept {
//         id
//         name
//       }
//     }
//     readings {
//       id
//       title
//       url
//     }
//     videos {
//       id
//       title
//       url
//     }
//   }
// }

UNWIND $keys AS key
RETURN [COLLECT {
  MATCH (:CLASS {id: key})-[:COVERS_CHAPTER]->(course_chapterSequence_head) WHERE NOT EXISTS { MATCH ()-[:NEXT_CHAPTER]->(course_chapterSequence_head) } MATCH course_chapterSequence_path = (course_chapterSequence_head)-[:NEXT_CHAPTER*0..199]->(course_chapterSequence)
  WITH course_chapterSequence, min(length(course_chapterSequence_path)) AS course_chapterSequence_place
  RETURN [course_chapterSequence.id, course_chapterSequence.name, course_chapterSequence.description, course_chapterSequence.order, course_chapterSequence.version, course_chapterSequence.created_at.epochMillis, course_chapterSequence.course_id, COLLECT {
    MATCH (course_chapterSequence)-[:HAS_THEORY]->(course_chapterSequence_theories)
    RETURN [course_chapterSequence_theories.id, course_chapterSequence_theories.name, course_chapterSequence_theories.summary, course_chapterSequence_theories.order, COLLECT {
      MATCH (course_chapterSequence_theories)-[:HAS_SKILL]->(course_chapterSequence_theories_skills)
      RETURN [course_chapterSequence_theories_skills.id, course_chapterSequence_theories_skills.name] ORDER BY course_chapterSequence_theories_skills.name, course_chapterSequence_theories_skills.id LIMIT $course_chapterSequence_theories_skills_limit
    }, COLLECT {
      MATCH (course_chapterSequence_theories)-[course_chapterSequence_theories_mentions_r:HAS_CONCEPT]->(course_chapterSequence_theories_mentions_concept)
      RETURN [course_chapterSequence_theories.id, course_chapterSequence_theories_mentions_concept.id, course_chapterSequence_theories_mentions_r.definition, course_chapterSequence_theories_mentions_r.text_evidence, [course_chapterSequence_theories_mentions_concept.id, course_chapterSequence_theories_mentions_concept.name]] ORDER BY course_chapterSequence_theories_mentions_concept.name, course_chapterSequence_theories_mentions_concept.id LIMIT $course_chapterSequence_theories_mentions_limit
    }, COLLECT {
      MATCH (course_chapterSequence_theories)-[:HAS_READING]->(course_chapterSequence_theories_readings)
      RETURN [course_chapterSequence_theories_readings.id, course_chapterSequence_theories_readings.title, course_chapterSequence_theories_readings.url] ORDER BY course_chapterSequence_theories_readings.title, course_chapterSequence_theories_readings.id LIMIT $course_chapterSequence_theories_readings_limit
    }, COLLECT {
      MATCH (course_chapterSequence_theories)-[:HAS_VIDEO]->(course_chapterSequence_theories_videos)
      RETURN [course_chapterSequence_theories_videos.id, course_chapterSequence_theories_videos.title, course_chapterSequence_theories_videos.url] ORDER BY course_chapterSequence_theories_videos.title, course_chapterSequence_theories_videos.id LIMIT $course_chapterSequence_theories_videos_limit
    }] ORDER BY course_chapterSequence_theories.order, course_chapterSequence_theories.id LIMIT $course_chapterSequence_theories_limit
  }] ORDER BY course_chapterSequence_place, course_chapterSequence.id LIMIT $course_chapterSequence_limit
}] AS items, key, [CASE WHEN $course_chapterSequence_theories_skills_mastery_student IS NOT NULL AND ($course_chapterSequence_theories_skills_mastery_visible OR key IN $taught_course_ids) THEN COLLECT {
  MATCH (:STUDENT {id: $course_chapterSequence_theories_skills_mastery_student})-[course_chapterSequence_theories_skills_mastery_r:MASTERS_SKILL]->(course_chapterSequence_theories_skills_mastery_skill) WHERE course_chapterSequence_theories_skills_mastery_skill.course_id = key
  RETURN [$course_chapterSequence_theories_skills_mastery_student, course_chapterSequence_theories_skills_mastery_skill.id, course_chapterSequence_theories_skills_mastery_r.current_mastery, coalesce(course_chapterSequence_theories_skills_mastery_r.confidence, 0.0), coalesce(course_chapterSequence_theories_skills_mastery_r.mastery_category, 'NOT_STARTED')]
} END] AS tables

// read_course_chapterSequence {
//   "keys": [
//     1
//   ],
//   "course_chapterSequence_limit": 200,
//   "course_chapterSequence_theories_limit": 100,
//   "course_chapterSequence_theories_skills_limit": 50,
//   "course_chapterSequence_theories_skills_mastery_student": 11,
//   "course_chapterSequence_theories_skills_mastery_visible": true,
//   "taught_course_ids": [],
//   "course_chapterSequence_theories_mentions_limit": 200,
//   "course_chapterSequence_theories_readings_limit": 50,
//   "course_chapterSequence_theories_videos_limit": 50
// }
