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
  /** By chapter; missing until the graph has told. */
  cells?: Map<string, Cell>;
}
interface Data {
  course: (CourseHead & { studentCount: number; masteryPolicy: Policy; chapters: { id: string; name: string }[] | null }) | null;
}
type Chapters = { id: string; masterySummary: Cell }[] | null;
interface Cells {
  course: { [student: `s${number}`]: Chapters } | null;
}
interface Page {
  course: { enrollments: { totalCount: number; nodes: Row[]; pageInfo: { hasNextPage: boolean; endCursor: string | null } } } | null;
}

const AT_ONCE = 10;
const STUDENTS = 15;
const HEAD = `query ExploreClass($id: ID!) {
  course(id: $id) { ${COURSE_HEAD} studentCount masteryPolicy { developingFrom proficientFrom masteredFrom } chapters { id name } }
}`;

const CELL = '{ averageMastery masteredCount skillCount }';
const PAGE = `query ExploreClassPage($id: ID!, $after: String, $search: String) {
  course(id: $id) { enrollments(first: ${STUDENTS}, after: $after, search: $search) {
    totalCount
    nodes { id student { id firstName lastName } all: masterySummary ${CELL} }
    pageInfo { hasNextPage endCursor }
  } }
}`;

/** All chapters of a student are one statement for the graph; each cell by itself would be hundreds. */
function cellsQuery(rows: Row[]): string {
  const names = rows.map((_, at) => `$s${at}: ID`).join(', ');
  const students = rows.map((_, at) => `s${at}: chapters { id masterySummary(studentId: $s${at}) ${CELL} }`).join(' ');
  return `query ExploreClassCells($id: ID!, ${names}) { course(id: $id) { ${students} } }`;
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
  let sorted = { key: 'name', down: false };
  let turn = 0;
  let show = (): void => {};
  const area = h('div', { class: 'matrix-area' });
  const fresh = h('div', {});

  async function load(): Promise<void> {
    const mine = ++turn;
    area.setAttribute('aria-busy', 'true');
    try {
      const page = await api.ask<Page>(PAGE, { id, after, search: search || null }, view.signal);
      if (mine !== turn) return;
      fresh.replaceChildren(freshness(page));
      show = () => draw(page);
      show();
      const rows = page.data.course?.enrollments.nodes ?? [];
      if (rows.length > 0 && chapters.length > 0 && !page.graphAway) {
        const variables: Record<string, unknown> = { id };
        rows.forEach((row, at) => (variables[`s${at}`] = row.student.id));
        const cells = await api.ask<Cells>(cellsQuery(rows), variables, view.signal);
        if (mine !== turn) return;
        rows.forEach((row, at) => {
          const told = cells.data.course?.[`s${at}`];
          if (told) row.cells = new Map(told.map((chapter) => [chapter.id, chapter.masterySummary]));
        });
        page.graphAway ||= cells.graphAway;
        show();
      }
    } catch (error) {
      if (!view.signal.aborted) area.replaceChildren(view.failureBlock(error, () => void load()));
    }
    area.removeAttribute('aria-busy');
  }

  function draw(page: Answered<Page>): void {
    const part = chapters.slice(from, from + AT_ONCE);
    const focused = (document.activeElement as HTMLElement | null)?.dataset.key;
    const list = page.data.course?.enrollments;
    if (!list || list.nodes.length === 0) {
      area.replaceChildren(empty(search ? `Nobody's name holds “${search}”.` : 'Nobody is enrolled yet.'));
      return;
    }
    const columns = [
      { key: 'name', label: 'Student', title: 'Student' },
      { key: 'all', label: 'Course', title: 'The whole course' },
      ...part.map((chapter) => ({ key: chapter.id, label: chapter.name, title: chapter.name })),
    ];
    const value = (row: Row, key: string): number => (key === 'all' ? row.all : row.cells?.get(key))?.averageMastery ?? -1;
    const rows = [...list.nodes];
    const by = sorted.key;
    if (by !== 'name') rows.sort((a, b) => value(a, by) - value(b, by));
    if (sorted.down) rows.reverse();
    const cell = (found: Cell | undefined): HTMLElement => {
      if (!found) {
        const waiting = found === undefined && !page.graphAway;
        return h('td', { class: 'cell' }, h('span', { 'aria-hidden': 'true' }, waiting ? '…' : '?'), h('span', { class: 'visually-hidden' }, waiting ? 'loading' : 'not known'));
      }
      const band = bandOf(found.averageMastery, (course as { masteryPolicy: Policy }).masteryPolicy);
      return h(
        'td',
        { class: `cell band-${band}` },
        sign(band),
        ` ${percent(found.averageMastery)}`,
        h('span', { class: 'visually-hidden' }, `, ${wordOf(band)}, ${found.masteredCount} of ${found.skillCount} mastered`),
      );
    };
    const redraw = (key: string): void => {
      sorted = { key, down: sorted.key === key ? !sorted.down : key !== 'name' };
      draw(page);
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
                ...part.map((chapter) => cell(row.cells?.get(chapter.id))),
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
    if (focused) area.querySelector<HTMLElement>(`button[data-key="${CSS.escape(focused)}"]`)?.focus();
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
    const choose = h('select', { id: 'chapters', change: () => { from = Number(choose.value); show(); } });
    for (let at = 0; at < chapters.length; at += AT_ONCE) {
      choose.append(h('option', { value: at }, `${at + 1} to ${Math.min(at + AT_ONCE, chapters.length)} of ${chapters.length}`));
    }
    controls.append(h('label', { for: 'chapters' }, 'Chapters'), choose);
  }
  area.append(h('div', { class: 'loading', role: 'status' }, 'Loading the class…'));
  view.show(tabs(course, 'class'), heading(`Class: ${course.title}`), fresh, legend(course.masteryPolicy), controls, area);
  await load();
}
