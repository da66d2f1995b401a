/** The class, for its teacher: students by chapters, as a plain table. */
import { h } from '../shared/dom';
import type { Answered, Api } from './api';
import { bandOf, COURSE_HEAD, empty, freshness, heading, legend, percent, personName, plural, sign, tabs, wordOf, type CourseHead, type Policy } from './parts';
import type { View } from './main';

interface Student {
  id: string;
  firstName: string;
  lastName: string;
}
type Cell = { averageMastery: number | null; masteredCount: number; skillCount: number } | null;
interface Row {
  id: string;
  student: Student;
  all: Cell;
  [chapter: `c${number}`]: Cell;
}
interface Data {
  course: (CourseHead & { studentCount: number; masteryPolicy: Policy; chapters: { id: string; name: string }[] | null }) | null;
}
interface Page {
  course: { enrollments: { totalCount: number; nodes: Row[]; pageInfo: { hasNextPage: boolean; endCursor: string | null } } } | null;
}

const AT_ONCE = 10;
const HEAD = `query ExploreClass($id: ID!) {
  course(id: $id) { ${COURSE_HEAD} studentCount masteryPolicy { developingFrom proficientFrom masteredFrom } chapters { id name } }
}`;

function pageQuery(chapters: { id: string }[]): string {
  const cell = '{ averageMastery masteredCount skillCount }';
  const names = chapters.map((_, at) => `$c${at}: ID`).join(', ');
  const cells = chapters.map((_, at) => `c${at}: masterySummary(chapterId: $c${at}) ${cell}`).join(' ');
  return `query ExploreClassPage($id: ID!, $after: String, $search: String${names && `, ${names}`}) {
  course(id: $id) { enrollments(first: 25, after: $after, search: $search) {
    totalCount
    nodes { id student { id firstName lastName } all: masterySummary ${cell} ${cells} }
    pageInfo { hasNextPage endCursor }
  } }
}`;
}

export async function classView(api: Api, view: View, id: string): Promise<void> {
  view.loading('the class');
  const answered = await api.ask<Data>(HEAD, { id }, view.signal);
  const { course } = answered.data;
  if (!course) {
    view.notFound('course');
    return;
  }
  if (!course.viewerCan.includes('ASSESS')) {
    view.show(tabs(course, 'class'), heading(`Class: ${course.title}`), empty('Only the teacher of the course sees its class.'));
    return;
  }
  const chapters = course.chapters ?? [];
  let from = 0;
  let after: string | null = null;
  let before: (string | null)[] = [];
  let search = '';
  let sorted: { key: 'name' | 'all' | `c${number}`; down: boolean } = { key: 'name', down: false };
  const area = h('div', { class: 'matrix-area' });
  const fresh = h('div', {});

  async function load(): Promise<void> {
    const part = chapters.slice(from, from + AT_ONCE);
    area.setAttribute('aria-busy', 'true');
    try {
      const variables: Record<string, unknown> = { id, after, search: search || null };
      part.forEach((chapter, at) => (variables[`c${at}`] = chapter.id));
      const page = await api.ask<Page>(pageQuery(part), variables, view.signal);
      fresh.replaceChildren(freshness(page));
      draw(page, part);
    } catch (error) {
      if (!view.signal.aborted) area.replaceChildren(view.failureBlock(error, () => void load()));
    }
    area.removeAttribute('aria-busy');
  }

  function draw(page: Answered<Page>, part: { id: string; name: string }[]): void {
    const list = page.data.course?.enrollments;
    if (!list || list.nodes.length === 0) {
      area.replaceChildren(empty(search ? `Nobody's name holds “${search}”.` : 'Nobody is enrolled yet.'));
      return;
    }
    const columns: { key: 'name' | 'all' | `c${number}`; label: string; title: string }[] = [
      { key: 'name', label: 'Student', title: 'Student' },
      { key: 'all', label: 'Course', title: 'The whole course' },
      ...part.map((chapter, at) => ({ key: `c${at}` as const, label: chapter.name, title: chapter.name })),
    ];
    const value = (row: Row, key: 'all' | `c${number}`): number => row[key]?.averageMastery ?? -1;
    const rows = [...list.nodes];
    const by = sorted.key;
    if (by !== 'name') rows.sort((a, b) => value(a, by) - value(b, by));
    if (sorted.down) rows.reverse();
    const cell = (found: Cell): HTMLElement => {
      if (found === null) return h('td', { class: 'cell' }, '?');
      const band = bandOf(found.averageMastery, (course as { masteryPolicy: Policy }).masteryPolicy);
      return h(
        'td',
        { class: `cell band-${band}` },
        sign(band),
        ` ${percent(found.averageMastery)}`,
        h('span', { class: 'visually-hidden' }, `, ${wordOf(band)}, ${found.masteredCount} of ${found.skillCount} mastered`),
      );
    };
    const redraw = (key: typeof sorted.key): void => {
      sorted = { key, down: sorted.key === key ? !sorted.down : key !== 'name' };
      draw(page, part);
      area.querySelector<HTMLElement>(`button[data-key="${key}"]`)?.focus();
    };
    area.replaceChildren(
      page.graphAway ? view.away('Names come from SQL; mastery comes from the graph.', () => void load()) : '',
      h(
        'div',
        { class: 'scroll', tabindex: '0', role: 'region', 'aria-label': 'Mastery of the class' },
        h(
          'table',
          { class: 'matrix' },
          h('caption', {}, `${plural(list.totalCount, 'student')}; average mastery by chapter. A heading sorts the students of this page.`),
          h(
            'thead',
            {},
            h(
              'tr',
              {},
              ...columns.map(({ key, label, title }) =>
                h(
                  'th',
                  { scope: 'col', 'aria-sort': sorted.key === key ? (sorted.down ? 'descending' : 'ascending') : null },
                  h('button', { type: 'button', class: 'sort', 'data-key': key, title, click: () => redraw(key) }, label, h('span', { 'aria-hidden': 'true' }, sorted.key === key ? (sorted.down ? ' ▾' : ' ▴') : '')),
                ),
              ),
            ),
          ),
          h(
            'tbody',
            {},
            ...rows.map((row) =>
              h(
                'tr',
                {},
                h('th', { scope: 'row' }, h('a', { href: `#/course/${encodeURIComponent(id)}/student/${encodeURIComponent(row.student.id)}` }, personName(row.student))),
                cell(row.all),
                ...part.map((_, at) => cell(row[`c${at}`] ?? null)),
              ),
            ),
          ),
        ),
      ),
      h(
        'p',
        { class: 'actions' },
        before.length > 0 && h('button', { type: 'button', click: () => { after = before.pop() ?? null; void load(); } }, 'Students before'),
        list.pageInfo.hasNextPage && h('button', { type: 'button', click: () => { before.push(after); after = list.pageInfo.endCursor; void load(); } }, 'More students'),
      ),
    );
  }

  const find = h('input', { type: 'search', id: 'find-student', maxlength: 100 });
  const controls = h(
    'form',
    {
      class: 'controls',
      role: 'search',
      submit: (event: SubmitEvent) => {
        event.preventDefault();
        search = find.value.trim();
        after = null;
        before = [];
        void load();
      },
    },
    h('label', { for: 'find-student' }, 'Find a student'),
    find,
    h('button', { type: 'submit' }, 'Find'),
  );
  if (chapters.length > AT_ONCE) {
    const choose = h('select', { id: 'chapters', change: () => { from = Number(choose.value); void load(); } });
    for (let at = 0; at < chapters.length; at += AT_ONCE) {
      choose.append(h('option', { value: at }, `${at + 1} to ${Math.min(at + AT_ONCE, chapters.length)} of ${chapters.length}`));
    }
    controls.append(h('label', { for: 'chapters' }, 'Chapters'), choose);
  }
  area.append(h('div', { class: 'loading', role: 'status' }, 'Loading the class…'));
  view.show(tabs(course, 'class'), heading(`Class: ${course.title}`), fresh, legend(course.masteryPolicy), controls, area);
  await load();
}
