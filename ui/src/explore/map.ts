/** The map of a course's concepts: an overview, the neighbourhood of one concept, or what leads to a goal. */
import { h, s } from '../shared/dom';
import type { Api } from './api';
import { before, layers, overview, type Concept, type Relation } from './layout';
import { makePicture, sample, TYPES, verbOf, type Picture } from './picture';
import { COURSE_HEAD, empty, freshness, heading, outside, plural, tabs, type CourseHead } from './parts';
import type { View } from './main';

interface Data {
  course: CourseHead | null;
  conceptMap: { truncated: boolean; concepts: Concept[]; relations: Relation[] } | null;
}
interface Found {
  course: { concepts: { totalCount: number; nodes: Concept[] } | null } | null;
}
interface Details {
  concept: {
    id: string;
    name: string;
    aliases: string[];
    definition: string | null;
    mentionCount: number;
    mentions: { id: string; definition: string | null; textEvidence: string | null; sourceDocument: string | null; theory: { name: string; chapter: { name: string } } }[];
    relations: (Relation & { source: Concept; target: Concept })[];
    skills: Concept[];
    resources: { id: string; title: string; url: string }[];
  } | null;
}

const MAP = `query ExploreMap($id: ID!, $center: ID, $depth: Int! = 2, $types: [ConceptRelationType!], $limit: Int!) {
  course(id: $id) { ${COURSE_HEAD} }
  conceptMap(courseId: $id, centerId: $center, depth: $depth, types: $types, limit: $limit) {
    truncated
    concepts { id name }
    relations { id type reason origin source { id } target { id } }
  }
}`;
const SEARCH = `query ExploreSearch($id: ID!, $search: String!) {
  course(id: $id) { concepts(search: $search, first: 8) { totalCount nodes { id name } } }
}`;
const DETAILS = `query ExploreConcept($id: ID!) {
  concept(id: $id) {
    id name aliases definition mentionCount
    mentions(limit: 5) { id definition textEvidence sourceDocument theory { name chapter { name } } }
    relations(limit: 50) { id type reason origin source { id name } target { id name } }
    skills(limit: 10) { id name }
    resources(limit: 5) { id title url }
  }
}`;
const OVERVIEW_LIMIT = 250;
const AROUND_LIMIT = 150;
const GOAL_LIMIT = 500;

const typeWords = (type: string): string => type.toLowerCase().replaceAll('_', ' ');

export async function mapView(api: Api, view: View, id: string, query: URLSearchParams): Promise<void> {
  const goal = query.get('goal');
  const center = goal ?? query.get('center');
  const depth = goal ? 4 : Math.min(Math.max(Number(query.get('depth')) || 2, 1), 4);
  const types = goal ? ['PREREQUISITE'] : (query.get('types')?.split(',').filter((type) => (TYPES as readonly string[]).includes(type)) ?? []);
  const base = `#/course/${encodeURIComponent(id)}/map`;
  const limit = goal ? GOAL_LIMIT : center ? AROUND_LIMIT : OVERVIEW_LIMIT;

  const link = (changes: Record<string, string | null>): string => {
    const next = new URLSearchParams();
    const all: Record<string, string | null> = { center: goal ? null : center, goal, depth: query.get('depth'), types: goal ? null : query.get('types'), ...changes };
    for (const [key, value] of Object.entries(all)) if (value) next.set(key, value);
    const text = next.toString();
    return base + (text && `?${text}`);
  };
  const go = (changes: Record<string, string | null>): void => { location.hash = link(changes); };
  const aroundLink = (concept: string): string => link({ center: concept, goal: null });
  const goalLink = (concept: string): string => link({ goal: concept, center: null, types: null });

  const started = performance.now();
  view.loading('the concept map');
  const answered = await api.ask<Data>(MAP, { id, center, depth, types: types.length > 0 ? types : null, limit }, view.signal);
  const { course, conceptMap } = answered.data;
  if (!course) {
    view.notFound('course');
    return;
  }
  if (conceptMap === null) {
    view.show(
      tabs(course, 'map'),
      heading(`Concept map: ${course.title}`),
      answered.graphAway ? view.away('The map is made from it; the list of courses still works.') : empty('There is no such concept, or it is not for you to see.'),
    );
    return;
  }
  let { concepts, relations } = conceptMap;
  if (goal) ({ concepts, relations } = before(goal, concepts, relations));
  const names = new Map(concepts.map((concept) => [concept.id, concept.name]));
  const centerName = center ? (names.get(center) ?? 'a concept') : '';

  // —— The panel beside the map ——
  const panel = h('section', { class: 'panel', 'aria-label': 'Concept', 'aria-live': 'polite' });
  const hint = (): void => panel.replaceChildren(h('p', { class: 'soft' }, 'Choose a concept, on the map or by a search, to read what it means and how it is connected.'));
  let shownId: string | null = null;
  async function describe(concept: string): Promise<void> {
    shownId = concept;
    panel.replaceChildren(h('h2', {}, names.get(concept) ?? 'Concept'), h('p', { class: 'soft' }, 'Loading…'));
    try {
      const { data, graphAway } = await api.ask<Details>(DETAILS, { id: concept }, view.signal);
      if (shownId !== concept) return;
      if (graphAway || !data.concept) {
        panel.replaceChildren(graphAway ? view.away('Details come from it.', () => void describe(concept)) : empty('There is no such concept (any more).'));
        return;
      }
      const found = data.concept;
      panel.replaceChildren(
        h('h2', {}, found.name),
        found.aliases.length > 0 && h('p', { class: 'soft' }, `Also: ${found.aliases.join(', ')}`) || '',
        h('p', {}, found.definition ?? 'No definition yet.'),
        h('p', { class: 'actions' },
          h('a', { class: 'button', href: aroundLink(found.id), 'aria-current': found.id === center && !goal ? 'page' : null }, 'Centre on it'),
          h('a', { class: 'button', href: goalLink(found.id), 'aria-current': found.id === goal ? 'page' : null }, 'What comes before it')),
        h('h3', {}, `Relations (${found.relations.length}${found.relations.length === 50 ? ' or more' : ''})`),
        found.relations.length === 0 ? h('p', { class: 'soft' }, 'None.') : h('ul', { class: 'relations' },
          ...found.relations.map((relation) => {
            const other = relation.source.id === found.id ? relation.target : relation.source;
            const name = h('button', { type: 'button', class: 'linklike', click: () => choose(other.id, true) }, other.name);
            return h('li', {}, sample(relation.type),
              ...(relation.source.id === found.id ? [h('span', {}, `${verbOf(relation.type)} `), name] : [name, h('span', {}, ` ${verbOf(relation.type)} it`)]),
              relation.reason && h('p', { class: 'reason' }, relation.reason));
          })),
        h('h3', {}, `Evidence (${found.mentionCount})`),
        found.mentions.length === 0 ? h('p', { class: 'soft' }, 'None.') : h('ul', { class: 'evidence' },
          ...found.mentions.map((mention) => h('li', {},
            mention.textEvidence && h('blockquote', {}, mention.textEvidence),
            h('p', { class: 'soft' }, `${mention.theory.chapter.name}, ${mention.theory.name}${mention.sourceDocument ? ` (${mention.sourceDocument})` : ''}`)))),
        found.skills.length > 0 && h('h3', {}, 'Skills that use it') || '',
        found.skills.length > 0 && h('ul', {}, ...found.skills.map((skill) => h('li', {}, skill.name))) || '',
        found.resources.length > 0 && h('h3', {}, 'To read and watch') || '',
        found.resources.length > 0 && h('ul', {}, ...found.resources.map((one) => h('li', {}, outside(one.title, one.url)))) || '',
      );
    } catch (error) {
      if (!view.signal.aborted && shownId === concept) panel.replaceChildren(view.failureBlock(error, () => void describe(concept)));
    }
  }

  let picture: Picture | null = null;
  function choose(concept: string, reveal: boolean): void {
    // A concept that is not drawn is shown by going to it.
    if (!picture?.has(concept)) { go({ center: concept, goal: null }); return; }
    picture.select(concept, reveal);
    void describe(concept);
  }

  // —— Search ——
  const results = h('ul', { class: 'results', id: 'concept-results' });
  const told = h('p', { class: 'soft', role: 'status' });
  const find = h('input', { type: 'search', id: 'find-concept', maxlength: 100, autocomplete: 'off', 'aria-controls': 'concept-results' });
  let timer: number | undefined;
  let asked = 0;
  async function look(): Promise<void> {
    const search = find.value.trim();
    const turn = ++asked;
    if (search === '') { results.replaceChildren(); told.textContent = ''; return; }
    try {
      const { data, graphAway } = await api.ask<Found>(SEARCH, { id, search }, view.signal);
      if (turn !== asked) return;
      const list = data.course?.concepts;
      told.textContent = graphAway || !list ? 'The search needs the graph, which is away.' : list.totalCount > list.nodes.length ? `${list.totalCount} found, the first ${list.nodes.length}:` : `${list.totalCount} found`;
      results.replaceChildren(...(list?.nodes ?? []).map((concept) => h('li', {}, h('button', { type: 'button', click: () => { results.replaceChildren(); told.textContent = ''; choose(concept.id, true); } }, concept.name))));
    } catch (error) {
      if (!view.signal.aborted && turn === asked) told.textContent = error instanceof Error ? error.message : String(error);
    }
  }
  find.addEventListener('input', () => { window.clearTimeout(timer); timer = window.setTimeout(() => void look(), 200); });
  const searching = h('form', { class: 'search', role: 'search', submit: (event: SubmitEvent) => { event.preventDefault(); void look(); } },
    h('label', { for: 'find-concept' }, 'Find a concept'), find, told, results);

  // —— Which relations, how far ——
  const filter = h('fieldset', { class: 'types' }, h('legend', {}, 'Relations'));
  for (const type of TYPES) {
    const box = h('input', { type: 'checkbox', value: type, checked: types.length === 0 || types.includes(type), disabled: goal !== null });
    box.addEventListener('change', () => {
      const on = [...filter.querySelectorAll('input')].filter((one) => one.checked).map((one) => one.value);
      if (on.length === 0) { box.checked = true; return; }
      go({ types: on.length === TYPES.length ? null : on.join(',') });
    });
    filter.append(h('label', {}, box, sample(type), typeWords(type)));
  }
  const far = h('select', { id: 'depth' }, ...[1, 2, 3, 4].map((n) => h('option', { value: n, selected: n === depth }, plural(n, 'step'))));
  far.addEventListener('change', () => go({ depth: far.value }));

  const whole = h('a', { class: 'button', href: base }, 'The whole course');
  const title = goal ? `What comes before ${centerName}` : center ? `Around ${centerName}` : `Concept map: ${course.title}`;
  const cut = !conceptMap.truncated ? '' : goal
    ? `Only the nearest ${GOAL_LIMIT} concepts were looked through: more may lead there.`
    : center ? `Only the nearest ${AROUND_LIMIT} concepts are drawn: choose fewer steps or relations.` : `Only the ${OVERVIEW_LIMIT} most connected concepts are drawn: a search finds the others.`;
  const count = goal && concepts.length === 1 && !conceptMap.truncated ? 'No concept is recorded as its prerequisite.'
    : `${plural(concepts.length, 'concept')}, ${plural(relations.length, 'relation')}${goal ? ', at most 4 steps back' : ''}.`;

  const stage = h('div', { class: 'stage' });
  const controls = h('div', { class: 'controls' }, searching, filter, center && !goal && h('div', {}, h('label', { for: 'depth' }, 'As far as '), far), center && whole);
  const area = h('div', { class: 'map' }, stage, panel);
  view.show(
    tabs(course, 'map'),
    heading(title, h('p', { class: 'soft' }, count, cut && h('strong', { class: 'cut', role: 'status' }, ` ${cut}`))),
    freshness(answered),
    controls,
    concepts.length === 0 ? empty('This course has no concepts yet.') : area,
    concepts.length > 0 && table(concepts, relations),
  );
  if (concepts.length === 0 || view.signal.aborted) return;

  const drawing = goal ? layers(concepts, relations) : overview(concepts, relations, center);
  const made = makePicture(drawing, `${title}: ${count}`, center, (concept) => choose(concept, false), (concept) => go({ center: concept, goal: null }));
  picture = made;
  const button = (label: string, sign: Node | string, act: () => void): HTMLElement => h('button', { type: 'button', title: label, 'aria-label': label, click: act }, sign);
  stage.append(
    made.element,
    h('div', { class: 'zoom', role: 'group', 'aria-label': 'Zoom' },
      button('Zoom in', '+', () => made.zoom(1.3)), button('Zoom out', '−', () => made.zoom(1 / 1.3)), button('Show all', s('svg', { viewBox: '0 0 16 16', width: 16, height: 16, fill: 'none', stroke: 'currentColor', 'stroke-width': 1.8, 'aria-hidden': 'true' }, s('path', { d: 'M1 5V1h4M11 1h4v4M15 11v4h-4M5 15H1v-4' })), () => made.fit())),
    h('p', { class: 'soft help', id: 'map-help' }, 'Drag to move; Ctrl and wheel, or + and −, to zoom. Keyboard: Tab to the map, arrows from concept to concept, Enter to read, C to centre. Hover over a line for its reason.'),
  );
  made.fit();
  view.signal.addEventListener('abort', () => made.dispose());
  if (center && made.has(center)) {
    made.select(center, false);
    void describe(center);
  } else hint();
  requestAnimationFrame(() => performance.measure('map-drawn', { start: started, end: performance.now() }));
}

/** The same as text, for whom a picture is no use. */
function table(concepts: Concept[], relations: Relation[]): HTMLElement {
  const names = new Map(concepts.map((concept) => [concept.id, concept.name]));
  const inside = h('div', {});
  const block = h('details', { class: 'as-table' }, h('summary', {}, `All ${plural(relations.length, 'relation')} as a table, with reasons`), inside);
  block.addEventListener('toggle', () => {
    if (!block.open || inside.childElementCount > 0) return;
    const rows = relations.map((relation) => [names.get(relation.source.id) ?? '', verbOf(relation.type), names.get(relation.target.id) ?? '', relation.reason ?? ''] as const);
    rows.sort((a, b) => a[0].localeCompare(b[0]) || a[2].localeCompare(b[2]));
    inside.append(
      h('div', { class: 'scroll', tabindex: '0', role: 'region', 'aria-label': 'Relations' },
        h('table', {},
          h('thead', {}, h('tr', {}, ...['Concept', 'Relation', 'Concept', 'Reason'].map((name) => h('th', { scope: 'col' }, name)))),
          h('tbody', {}, ...rows.map(([from, verb, to, reason]) => h('tr', {}, h('th', { scope: 'row' }, from), h('td', {}, verb), h('td', {}, to), h('td', {}, reason)))))),
    );
  });
  return block;
}
