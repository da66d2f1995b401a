/** The class, for its teacher: students by the skills of a chapter, as a plain table. */
import { h } from '../shared/dom';
import type { Answered, Api } from './api';
import { bandOf, COURSE_HEAD, empty, freshness, heading, legend, percent, personName, plural, sign, tabs, trendWords, wordOf, type Category, type CourseHead, type Policy } from './parts';
import type { View } from './main';

interface Student {
  id: string;
  firstName: string;
  lastName: string;
}
interface Summary {
  averageMastery: number | null;
  masteredCount: number;
  skillCount: number;
}
interface Cell {
  currentMastery: number | null;
  masteryCategory: Category;
  trend: string | null;
}
interface Head {
  course: (CourseHead & { masteryPolicy: Policy; chapters: { id: string; name: string; skills: { id: string }[] }[] | null }) | null;
}
interface Matrix {
  classMastery: {
    totalCount: number;
    skills: { id: string; name: string }[];
    edges: { node: { student: Student; course: Summary | null; chapter: Summary | null }; cells: Cell[] }[];
    pageInfo: { hasNextPage: boolean; endCursor: string | null };
  } | null;
}
interface People {
  course: { enrollments: { totalCount: number; nodes: { student: Student }[]; pageInfo: { hasNextPage: boolean; endCursor: string | null } } } | null;
}
/** What a page of the table shows, wherever it comes from. */
interface Page {
  total: number;
  skills: { id: string; name: string }[];
  rows: Row[];
  next: string | null;
}
interface Row {
  student: Student;
  /** By column; missing when nobody could tell. */
  cells: Map<string, { value: number | null; band: Category; words: string }>;
}

const STUDENTS = 20;
const MOST_SKILLS = 100;
const HEAD = `query ExploreClass($id: ID!) {
  course(id: $id) { ${COURSE_HEAD} masteryPolicy { developingFrom proficientFrom masteredFrom } chapters { id name skills { id } } }
}`;
const SUMMARY = '{ averageMastery masteredCount skillCount }';
const MATRIX = `query ExploreClassMatrix($id: ID!, $chapter: ID!, $after: String) {
  classMastery(courseId: $id, chapterId: $chapter, first: ${STUDENTS}, after: $after) {
    totalCount
    skills { id name }
    edges {
      node { student { id firstName lastName } course: masterySummary ${SUMMARY} chapter: masterySummary(chapterId: $chapter) ${SUMMARY} }
      cells { currentMastery masteryCategory trend }
    }
    pageInfo { hasNextPage endCursor }
  }
}`;
const PEOPLE = `query ExploreStudents($id: ID!, $first: Int!, $after: String, $search: String) {
  course(id: $id) { enrollments(first: $first, after: $after, search: $search) {
    totalCount nodes { student { id firstName lastName } } pageInfo { hasNextPage endCursor }
  } }
}`;

const studentLink = (course: string, student: Student): HTMLElement =>
  h('a', { href: `#/course/${encodeURIComponent(course)}/student/${encodeURIComponent(student.id)}` }, personName(student));

function rowsOf(found: NonNullable<Matrix['classMastery']>, policy: Policy): Row[] {
  const summary = (one: Summary | null): ReturnType<Row['cells']['get']> => {
    if (!one) return undefined;
    const band = bandOf(one.averageMastery, policy);
    return { value: one.averageMastery, band, words: `${wordOf(band)}, ${one.masteredCount} of ${one.skillCount} mastered` };
  };
  return found.edges.map(({ node, cells }) => {
    const row: Row = { student: node.student, cells: new Map() };
    for (const [key, one] of [['course', summary(node.course)], ['chapter', summary(node.chapter)]] as const) if (one) row.cells.set(key, one);
    cells.forEach((cell, at) => {
      const words = [wordOf(cell.masteryCategory), trendWords(cell.trend)].filter(Boolean).join(', ');
      row.cells.set(found.skills[at]?.id ?? '', { value: cell.currentMastery, band: cell.masteryCategory, words });
    });
    return row;
  });
}

export async function classView(api: Api, view: View, id: string, query: URLSearchParams): Promise<void> {
  view.loading('the class');
  const answered = await api.ask<Head>(HEAD, { id }, view.signal);
  const { course } = answered.data;
  if (!course) {
    view.notFound('course');
    return;
  }
  if (!course.viewerCan.includes('ASSESS')) {
    view.show(tabs(course, 'class'), heading(`Class: ${course.title}`), empty('Only the teacher of the course sees its class.'));
    return;
  }
  const chapters = (course.chapters ?? []).filter((one) => one.skills.length > 0);
  const chapter = chapters.find((one) => one.id === query.get('chapter')) ?? chapters[0];
  let after: string | null = null;
  let before: (string | null)[] = [];
  let sorted = { key: 'name', down: false };
  let turn = 0;
  const area = h('div', { class: 'matrix-area' });
  const fresh = h('div', {}, h('p', { class: 'fresh' }));

  /** Ask the graph for the page; without it, or without skills, SQL still knows who is there. */
  async function page(): Promise<{ page: Page | null; answered: Answered<unknown>; away: boolean }> {
    if (chapter) {
      const matrix = await api.ask<Matrix>(MATRIX, { id, chapter: chapter.id, after }, view.signal);
      const found = matrix.data.classMastery;
      const next = found?.pageInfo.hasNextPage ? found.pageInfo.endCursor : null;
      if (found) return { page: { total: found.totalCount, skills: found.skills, rows: rowsOf(found, (course as { masteryPolicy: Policy }).masteryPolicy), next }, answered: matrix, away: false };
      if (!matrix.graphAway) return { page: null, answered: matrix, away: false };
    }
    const people = await api.ask<People>(PEOPLE, { id, first: STUDENTS, after, search: null }, view.signal);
    const list = people.data.course?.enrollments;
    const rows = (list?.nodes ?? []).map(({ student }) => ({ student, cells: new Map() }));
    return {
      page: list ? { total: list.totalCount, skills: [], rows, next: list.pageInfo.hasNextPage ? list.pageInfo.endCursor : null } : null,
      answered: people,
      away: chapter !== undefined || answered.graphAway,
    };
  }

  async function load(): Promise<void> {
    const mine = ++turn;
    area.setAttribute('aria-busy', 'true');
    try {
      const found = await page();
      if (mine !== turn) return;
      fresh.replaceChildren(found.away ? h('p', { class: 'fresh' }) : freshness(found.answered));
      if (found.page) draw(found.page, found.away);
      else view.notFound('class');
    } catch (error) {
      if (!view.signal.aborted) area.replaceChildren(view.failureBlock(error, () => void load()));
    }
    area.removeAttribute('aria-busy');
  }

  function draw(page: Page, away: boolean): void {
    const focused = (document.activeElement as HTMLElement | null)?.dataset.key;
    const note = away ? view.away('Names come from SQL; mastery comes from the graph.', () => void load()) : '';
    if (page.rows.length === 0) {
      area.replaceChildren(note, empty('Nobody is enrolled yet.'));
      return;
    }
    const columns = [{ key: 'name', label: 'Student', title: 'Student' }];
    if (chapter && !away) {
      columns.push({ key: 'course', label: 'Course', title: 'Average of the whole course' }, { key: 'chapter', label: 'Chapter', title: `Average of ${chapter.name}` });
      columns.push(...page.skills.map((skill) => ({ key: skill.id, label: skill.name, title: skill.name })));
    }
    const rows = [...page.rows];
    const value = (row: Row): number => row.cells.get(sorted.key)?.value ?? -1;
    // The server's order is that of the names.
    if (sorted.key !== 'name') rows.sort((a, b) => value(a) - value(b));
    if (sorted.down) rows.reverse();
    const redraw = (key: string): void => {
      sorted = { key, down: sorted.key === key ? !sorted.down : key !== 'name' };
      draw(page, away);
    };
    const cell = (row: Row, key: string): HTMLElement => {
      const found = row.cells.get(key);
      if (!found) return h('td', { class: 'cell' }, h('span', { 'aria-hidden': 'true' }, '?'), h('span', { class: 'visually-hidden' }, 'not known'));
      return h('td', { class: `cell band-${found.band}`, title: found.words }, sign(found.band), found.value === null ? '' : ` ${percent(found.value)}`, h('span', { class: 'visually-hidden' }, `, ${found.words}`));
    };
    const caption = `${plural(page.total, 'student')}${columns.length > 1 ? `; mastery of ${plural(page.skills.length, 'skill')}${page.skills.length === MOST_SKILLS ? ' (the first of the chapter)' : ''}` : ''}. A heading sorts the students of this page.`;
    area.replaceChildren(
      note,
      h('div', { class: 'scroll', tabindex: '0', role: 'region', 'aria-label': 'Mastery of the class' },
        h('table', { class: 'matrix' },
          h('caption', {}, caption),
          h('thead', {}, h('tr', {}, ...columns.map(({ key, label, title }) =>
            h('th', { scope: 'col', 'aria-sort': sorted.key === key ? (sorted.down ? 'descending' : 'ascending') : null },
              h('button', { type: 'button', class: 'sort', 'data-key': key, title, click: () => redraw(key) }, label, h('span', { 'aria-hidden': 'true' }, sorted.key === key ? (sorted.down ? ' ▾' : ' ▴') : '')))))),
          h('tbody', {}, ...rows.map((row) =>
            h('tr', {}, h('th', { scope: 'row' }, studentLink(id, row.student)), ...columns.slice(1).map(({ key }) => cell(row, key))))))),
      h('p', { class: 'actions' },
        before.length > 0 && h('button', { type: 'button', click: () => { after = before.pop() ?? null; void load(); } }, 'Students before'),
        page.next !== null && h('button', { type: 'button', click: () => { before.push(after); after = page.next; void load(); } }, 'More students')),
    );
    if (focused) area.querySelector<HTMLElement>(`button[data-key="${CSS.escape(focused)}"]`)?.focus();
  }

  area.append(h('div', { class: 'loading', role: 'status' }, 'Loading the class…'));
  view.show(
    tabs(course, 'class'),
    heading(`Class: ${course.title}`),
    fresh,
    legend(course.masteryPolicy),
    h('div', { class: 'controls' }, chooser(), finder(api, view, id)),
    course.chapters !== null && chapters.length === 0 && empty('This course has no skills yet.'),
    area,
  );
  await load();

  function chooser(): HTMLElement | false {
    if (!chapter) return false;
    const choose = h('select', { id: 'chapter' }, ...chapters.map((one) => h('option', { value: one.id, selected: one === chapter }, one.name)));
    choose.addEventListener('change', () => { location.hash = `#/course/${encodeURIComponent(id)}/class?${new URLSearchParams({ chapter: choose.value })}`; });
    return h('div', {}, h('label', { for: 'chapter' }, 'Skills of '), choose);
  }
}

/** A search by name, whose answers lead to a student's page. */
function finder(api: Api, view: View, id: string): HTMLElement {
  const results = h('ul', { class: 'results', id: 'student-results' });
  const told = h('p', { class: 'soft', role: 'status' });
  const find = h('input', { type: 'search', id: 'find-student', maxlength: 100, autocomplete: 'off', 'aria-controls': 'student-results' });
  async function look(): Promise<void> {
    const search = find.value.trim();
    results.replaceChildren();
    told.textContent = '';
    if (search === '') return;
    try {
      const { data } = await api.ask<People>(PEOPLE, { id, first: 8, after: null, search }, view.signal);
      const list = data.course?.enrollments;
      if (!list) return;
      told.textContent = list.totalCount > list.nodes.length ? `${list.totalCount} found, the first ${list.nodes.length}:` : `${list.totalCount} found`;
      results.replaceChildren(...list.nodes.map(({ student }) => h('li', {}, studentLink(id, student))));
    } catch (error) {
      if (!view.signal.aborted) told.textContent = error instanceof Error ? error.message : String(error);
    }
  }
  return h('form', { class: 'search', role: 'search', submit: (event: SubmitEvent) => { event.preventDefault(); void look(); } },
    h('label', { for: 'find-student' }, 'Find a student'), find, h('button', { type: 'submit' }, 'Find'), told, results);
}
