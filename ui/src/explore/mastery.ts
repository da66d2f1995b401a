/** One student's skills by chapter: the viewer's own, or a student's page for the teacher. */
import { h } from '../shared/dom';
import type { Api } from './api';
import { badge, COURSE_HEAD, empty, freshness, heading, legend, percent, personName, plural, tabs, trendWords, type Category, type CourseHead, type Policy } from './parts';
import { summaryLine } from './courses';
import type { View } from './main';

interface Mastery {
  currentMastery: number | null;
  confidence: number;
  predictedNext: number | null;
  masteryCategory: Category;
  trend: string | null;
  numAssessments: number;
}
interface Summary {
  averageMastery: number | null;
  skillCount: number;
  masteredCount: number;
  [count: string]: number | null;
}
interface Chapter {
  id: string;
  name: string;
  masterySummary: Summary | null;
  skills: { id: string; name: string; mastery: Mastery | null }[];
}
interface Data {
  course: (CourseHead & { masteryPolicy: Policy; chapters: Chapter[] | null }) | null;
  student?: { id: string; firstName: string; lastName: string } | null;
}

const COURSE = `${COURSE_HEAD} masteryPolicy { developingFrom proficientFrom masteredFrom }
    chapters {
      id name
      masterySummary(studentId: $student) { averageMastery skillCount notStartedCount strugglingCount developingCount proficientCount masteredCount }
      skills { id name mastery(studentId: $student) { currentMastery confidence predictedNext masteryCategory trend numAssessments } }
    }`;
const OWN = `query ExploreMastery($id: ID!, $student: ID) { course(id: $id) { ${COURSE} } }`;
const OF = `query ExploreStudent($id: ID!, $student: ID!) { course(id: $id) { ${COURSE} } student(id: $student) { id firstName lastName } }`;

function row(name: string, mastery: Mastery | null): HTMLElement {
  const current = mastery?.currentMastery ?? null;
  return h(
    'tr',
    {},
    h('th', { scope: 'row' }, name),
    h('td', {}, badge(mastery?.masteryCategory ?? 'NOT_STARTED')),
    h('td', { class: 'number' }, percent(current)),
    h('td', { class: 'number' }, mastery && mastery.numAssessments > 0 ? percent(mastery.confidence) : '–'),
    h('td', {}, trendWords(mastery?.trend ?? null) || '–'),
    h('td', { class: 'number' }, String(mastery?.numAssessments ?? 0)),
  );
}

export async function masteryView(api: Api, view: View, id: string, student: string | null): Promise<void> {
  view.loading('mastery');
  const answered = await api.ask<Data>(student === null ? OWN : OF, { id, student }, view.signal);
  const { course } = answered.data;
  if (!course || (student !== null && !answered.data.student && !answered.graphAway)) {
    view.notFound(course ? 'student' : 'course');
    return;
  }
  const person = answered.data.student;
  const { chapters } = course;
  const assessed = (chapters ?? []).some((chapter) => chapter.skills.some((skill) => (skill.mastery?.numAssessments ?? 0) > 0));
  view.show(
    tabs(course, student === null ? 'mastery' : 'class'),
    heading(
      student === null ? `My mastery: ${course.title}` : `${person ? personName(person) : 'A student'}: ${course.title}`,
      student !== null && h('p', {}, h('a', { href: `#/course/${encodeURIComponent(id)}/class` }, '← The whole class')) || '',
    ),
    freshness(answered),
    chapters === null
      ? view.away('Mastery is computed in SQL but read from the graph: nothing is lost.')
      : chapters.length === 0
        ? empty('This course has no skills yet.')
        : h(
            'div',
            {},
            legend(course.masteryPolicy),
            !assessed && empty('Nothing has been assessed yet: every skill counts as not started.'),
            ...chapters.map((chapter) =>
              h(
                'section',
                { class: 'chapter', 'aria-label': chapter.name },
                h('h2', {}, chapter.name),
                chapter.masterySummary &&
                  h('p', { class: 'soft' }, `${plural(chapter.masterySummary.skillCount, 'skill')}, average mastery of those assessed: ${percent(chapter.masterySummary.averageMastery)}`),
                chapter.masterySummary && summaryLine(chapter.masterySummary),
                chapter.skills.length === 0
                  ? h('p', { class: 'soft' }, 'No skills.')
                  : h(
                      'div',
                      { class: 'scroll', tabindex: '0', role: 'region', 'aria-label': `Skills of ${chapter.name}` },
                      h(
                        'table',
                        {},
                        h('thead', {}, h('tr', {}, ...['Skill', 'Category', 'Mastery', 'Confidence', 'Trend', 'Assessments'].map((name, at) => h('th', { scope: 'col', class: [2, 3, 5].includes(at) ? 'number' : null }, name)))),
                        h('tbody', {}, ...chapter.skills.map((skill) => row(skill.name, skill.mastery))),
                      ),
                    ),
              ),
            ),
          ),
  );
}
