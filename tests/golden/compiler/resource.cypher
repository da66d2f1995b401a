// node {
//   ... on Reading {
//     id
//     title
//   }
//   ... on Video {
//     id
//     title
//     url
//   }
// }

UNWIND $keys AS key
OPTIONAL MATCH (resource_reading:READING {id: key}) OPTIONAL MATCH (resource_video:VIDEO {id: key}) WITH key, coalesce(resource_reading, resource_video) AS resource_self WHERE resource_self IS NOT NULL
RETURN CASE WHEN resource_self:READING THEN [0, [resource_self.id, resource_self.title, resource_self.course_id]] ELSE [1, [resource_self.id, resource_self.title, resource_self.url, resource_self.course_id]] END

// read_resource {
//   "keys": [
//     "r"
//   ]
// }
