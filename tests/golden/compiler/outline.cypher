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
  MATCH (:CLASS {id: key})-[:COVERS_CHAPTER]->(course_chapters)
  RETURN [course_chapters.id, course_chapters.name, course_chapters.description, course_chapters.order, course_chapters.version, course_chapters.created_at.epochMillis, course_chapters.course_id, COLLECT {
    MATCH (course_chapters)-[:HAS_THEORY]->(course_chapters_theories)
    RETURN [course_chapters_theories.id, course_chapters_theories.name, course_chapters_theories.summary, course_chapters_theories.order, COLLECT {
      MATCH (course_chapters_theories)-[:HAS_SKILL]->(course_chapters_theories_skills)
      RETURN [course_chapters_theories_skills.id, course_chapters_theories_skills.name] ORDER BY course_chapters_theories_skills.name, course_chapters_theories_skills.id LIMIT $course_chapters_theories_skills_limit
    }, COLLECT {
      MATCH (course_chapters_theories)-[course_chapters_theories_mentions_r:HAS_CONCEPT]->(course_chapters_theories_mentions_concept)
      RETURN [course_chapters_theories.id, course_chapters_theories_mentions_concept.id, course_chapters_theories_mentions_r.definition, course_chapters_theories_mentions_r.text_evidence, [course_chapters_theories_mentions_concept.id, course_chapters_theories_mentions_concept.name]] ORDER BY course_chapters_theories_mentions_concept.name, course_chapters_theories_mentions_concept.id LIMIT $course_chapters_theories_mentions_limit
    }, COLLECT {
      MATCH (course_chapters_theories)-[:HAS_READING]->(course_chapters_theories_readings)
      RETURN [course_chapters_theories_readings.id, course_chapters_theories_readings.title, course_chapters_theories_readings.url] ORDER BY course_chapters_theories_readings.title, course_chapters_theories_readings.id LIMIT $course_chapters_theories_readings_limit
    }, COLLECT {
      MATCH (course_chapters_theories)-[:HAS_VIDEO]->(course_chapters_theories_videos)
      RETURN [course_chapters_theories_videos.id, course_chapters_theories_videos.title, course_chapters_theories_videos.url] ORDER BY course_chapters_theories_videos.title, course_chapters_theories_videos.id LIMIT $course_chapters_theories_videos_limit
    }] ORDER BY course_chapters_theories.order, course_chapters_theories.id LIMIT $course_chapters_theories_limit
  }] ORDER BY course_chapters.order, course_chapters.id LIMIT $course_chapters_limit
}] AS items, key, [CASE WHEN $course_chapters_theories_skills_mastery_student IS NOT NULL AND ($course_chapters_theories_skills_mastery_visible OR key IN $taught_course_ids) THEN COLLECT {
  MATCH (:STUDENT {id: $course_chapters_theories_skills_mastery_student})-[course_chapters_theories_skills_mastery_r:MASTERS_SKILL]->(course_chapters_theories_skills_mastery_skill) WHERE course_chapters_theories_skills_mastery_skill.course_id = key
  RETURN [$course_chapters_theories_skills_mastery_student, course_chapters_theories_skills_mastery_skill.id, course_chapters_theories_skills_mastery_r.current_mastery, coalesce(course_chapters_theories_skills_mastery_r.confidence, 0.0), coalesce(course_chapters_theories_skills_mastery_r.mastery_category, 'NOT_STARTED')]
} END] AS tables

// read_course_chapters {
//   "keys": [
//     1
//   ],
//   "course_chapters_limit": 200,
//   "course_chapters_theories_limit": 100,
//   "course_chapters_theories_skills_limit": 50,
//   "course_chapters_theories_skills_mastery_student": 11,
//   "course_chapters_theories_skills_mastery_visible": true,
//   "taught_course_ids": [],
//   "course_chapters_theories_mentions_limit": 200,
//   "course_chapters_theories_readings_limit": 50,
//   "course_chapters_theories_videos_limit": 50
// }
