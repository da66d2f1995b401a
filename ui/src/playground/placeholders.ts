/** Examples hold placeholders where an id belongs; ask the API for ids that the viewer may see. */
import { post, type SessionStore } from '../shared/session';

interface Ids {
  courses: {
    nodes: {
      id: string;
      chapters: { id: string; theories: { id: string; skills: { id: string }[] }[] }[] | null;
      concepts: { nodes: { id: string }[] } | null;
    }[];
  };
}

const QUERY = `query ExampleIds($filter: CourseFilter) {
  courses(filter: $filter, first: 1) { nodes {
    id
    chapters { id theories { id skills { id } } }
    concepts(first: 2, orderBy: MENTIONS) { nodes { id } }
  } }
}`;
const PEOPLE = 'query ExampleStudent($id: ID!) { course(id: $id) { enrollments(first: 1) { nodes { student { id } } } } }';

let lastWrite: string | undefined;

/** Keep the token of a write that an answer tells of, for the examples that follow a write. */
export function rememberWrite(value: unknown): void {
  if (typeof value !== 'object' || value === null) return;
  for (const [key, inside] of Object.entries(value)) {
    const token = key === 'sync' && typeof inside === 'object' ? (inside as { token?: unknown } | null)?.token : undefined;
    if (typeof token === 'string') lastWrite = token;
    else rememberWrite(inside);
  }
}

/** Return the variables with each placeholder that could be filled in, and those that could not. */
export async function fillIn(
  variables: string,
  session: SessionStore,
): Promise<{ variables: string; left: string[] }> {
  if (variables.includes('"TOKEN"') && lastWrite !== undefined) variables = variables.replace('"TOKEN"', JSON.stringify(lastWrite));
  if (variables.includes('"TOKEN"')) return { variables, left: ['TOKEN'] };
  if (!/"[A-Z]+(_[0-9])?_ID"/.test(variables)) return { variables, left: [] };
  const found = new Map<string, string | undefined>();
  const token = await session.token();
  const headers: Record<string, string> = token ? { authorization: `Bearer ${token}` } : {};
  try {
    for (const part of token ? ['ENROLLED', 'TEACHING', null] : [null]) {
      const filter = part ? { viewerPart: part } : null;
      const { answer } = await post<Ids>(session.endpoint, { query: QUERY, variables: { filter }, operationName: 'ExampleIds' }, headers);
      const course = answer.data?.courses.nodes[0];
      if (!course) continue;
      const theories = (course.chapters ?? []).flatMap((chapter) => chapter.theories);
      found.set('COURSE_ID', course.id);
      course.chapters?.forEach((chapter, index) => found.set(`CHAPTER_${index + 1}_ID`, chapter.id));
      found.set('CHAPTER_ID', course.chapters?.[0]?.id);
      found.set('THEORY_ID', theories[0]?.id);
      found.set('SKILL_ID', theories.flatMap((theory) => theory.skills)[0]?.id);
      found.set('CONCEPT_ID', course.concepts?.nodes[0]?.id);
      found.set('CONCEPT_1_ID', course.concepts?.nodes[0]?.id);
      found.set('CONCEPT_2_ID', course.concepts?.nodes[1]?.id);
      break;
    }
    const course = found.get('COURSE_ID');
    if (variables.includes('"STUDENT_ID"')) {
      if (session.person?.role === 'STUDENT') found.set('STUDENT_ID', session.person.id);
      else if (course) {
        const { answer } = await post<{ course: { enrollments: { nodes: { student: { id: string } }[] } } | null }>(
          session.endpoint, { query: PEOPLE, variables: { id: course }, operationName: 'ExampleStudent' }, headers,
        );
        found.set('STUDENT_ID', answer.data?.course?.enrollments.nodes[0]?.student.id);
      }
    }
  } catch {
    // The placeholders stay, and are told.
  }
  const left = new Set<string>();
  const filled = variables.replace(/"([A-Z]+(?:_[0-9])?_ID)"/g, (whole, name: string) => {
    const id = found.get(name);
    if (id === undefined) left.add(name);
    return id === undefined ? whole : JSON.stringify(id);
  });
  return { variables: filled, left: [...left] };
}
