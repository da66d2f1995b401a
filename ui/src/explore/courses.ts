import { h } from '../shared/dom';
import type { Api } from './api';
import { badge, CATEGORIES, empty, heading, percent, personName, plural, type Category } from './parts';
import type { View } from './main';

interface Summary {
  averageMastery: number | null;
  skillCount: number;
  masteredCount: number;
  [count: string]: number | null;
}
interface Course {
  id: string;
  title: string;
  description: string | null;
  level: string;
  publicationStatus: string;
  studentCount: number;
  chapterCount: number;
  viewerCan: string[];
  teacher: { firstName: string; lastName: string };
  viewerEnrollment: { id: string; masterySummary: Summary | null } | null;
}
interface Data {
  courses: { totalCount: number; nodes: Course[]; pageInfo: { hasNextPage: boolean; endCursor: string | null } };
}

const QUERY = `query ExploreCourses($after: String) {
  courses(first: 20, after: $after) {
    totalCount
    nodes {
      id title description level publicationStatus studentCount chapterCount viewerCan
      teacher { firstName lastName }
      viewerEnrollment { id masterySummary { averageMastery skillCount notStartedCount strugglingCount developingCount proficientCount masteredCount } }
    }
    pageInfo { hasNextPage endCursor }
  }
}`;

const COUNTS: Record<Category, string> = {
  NOT_STARTED: 'notStartedCount',
  STRUGGLING: 'strugglingCount',
  DEVELOPING: 'developingCount',
  PROFICIENT: 'proficientCount',
  MASTERED: 'masteredCount',
};

export function summaryLine(summary: Summary): HTMLElement {
  const list = h('ul', { class: 'counts', 'aria-label': 'Skills by category' });
  for (const category of CATEGORIES) {
    const count = summary[COUNTS[category]] ?? 0;
    if (count > 0) list.append(h('li', {}, badge(category), ` ${count}`));
  }
  return list;
}

function card(course: Course): HTMLElement {
  const base = `#/course/${encodeURIComponent(course.id)}`;
  const summary = course.viewerEnrollment?.masterySummary;
  return h(
    'li',
    { class: 'card' },
    h('h2', {}, h('a', { href: base }, course.title)),
    course.description && h('p', { class: 'about' }, course.description),
    h(
      'p',
      { class: 'soft' },
      `${personName(course.teacher)} · ${course.level.toLowerCase()} · ${plural(course.chapterCount, 'chapter')} · ${plural(course.studentCount, 'student')}` +
        (course.publicationStatus === 'PUBLISHED' ? '' : ` · ${course.publicationStatus.toLowerCase()}`),
    ),
    summary && h('p', {}, `Average mastery ${percent(summary.averageMastery)}, ${summary.masteredCount} of ${plural(summary.skillCount, 'skill')} mastered`),
    h(
      'p',
      { class: 'actions' },
      h('a', { href: `${base}/map`, 'aria-label': `Concept map of ${course.title}` }, 'Concept map'),
      course.viewerEnrollment && h('a', { href: `${base}/mastery`, 'aria-label': `My mastery in ${course.title}` }, 'My mastery'),
      course.viewerCan.includes('ASSESS') && h('a', { href: `${base}/class`, 'aria-label': `Class of ${course.title}` }, 'Class'),
    ),
  );
}

export async function coursesView(api: Api, view: View): Promise<void> {
  view.loading('courses');
  const first = await api.ask<Data>(QUERY, { after: null }, view.signal);
  const list = h('ul', { class: 'cards' }, ...first.data.courses.nodes.map(card));
  const more = h('button', { type: 'button' }, 'More courses');
  const show = (info: Data['courses']['pageInfo']): void => {
    more.hidden = !info.hasNextPage;
    more.onclick = async () => {
      more.disabled = true;
      try {
        const next = await api.ask<Data>(QUERY, { after: info.endCursor }, view.signal);
        list.append(...next.data.courses.nodes.map(card));
        show(next.data.courses.pageInfo);
      } catch (error) {
        view.failed(error);
      }
      more.disabled = false;
    };
  };
  show(first.data.courses.pageInfo);
  view.show(
    heading('Courses'),
    first.graphAway && view.away('Courses come from SQL and are complete; mastery is missing until it is back.'),
    first.data.courses.nodes.length > 0 ? list : empty('No course to see yet. A teacher publishes one, or makes one in the playground.'),
    more,
  );
}
