import { h } from '../shared/dom';
import type { Api } from './api';
import { badge, COURSE_HEAD, empty, freshness, heading, outside, percent, personName, plural, tabs, type Category, type CourseHead } from './parts';
import type { View } from './main';

interface Theory {
  id: string;
  name: string;
  summary: string | null;
  skills: { id: string; name: string; mastery: { currentMastery: number | null; masteryCategory: Category } | null }[];
}
interface Data {
  course:
    | (CourseHead & {
        description: string | null;
        level: string;
        studentCount: number;
        chapterCount: number;
        teacher: { firstName: string; lastName: string };
        chapters: { id: string; name: string; description: string | null; theories: Theory[] }[] | null;
      })
    | null;
}
interface Details {
  theory: {
    mentions: { id: string; definition: string | null; textEvidence: string | null; sourceDocument: string | null; concept: { id: string; name: string } }[];
    readings: { id: string; title: string; url: string }[];
    videos: { id: string; title: string; url: string }[];
  } | null;
}

const OUTLINE = `query ExploreOutline($id: ID!) {
  course(id: $id) {
    ${COURSE_HEAD} description level studentCount chapterCount
    teacher { firstName lastName }
    chapters { id name description theories { id name summary skills { id name mastery { currentMastery masteryCategory } } } }
  }
}`;
const DETAILS = `query ExploreTheory($id: ID!) {
  theory(id: $id) {
    mentions { id definition textEvidence sourceDocument concept { id name } }
    readings { id title url }
    videos { id title url }
  }
}`;

function details(api: Api, view: View, course: string, theory: Theory): HTMLElement {
  const inside = h('div', { class: 'theory-more' });
  let asked = false;
  const load = async (): Promise<void> => {
    inside.replaceChildren(h('p', { class: 'soft', role: 'status' }, 'Loading concepts, readings and videos…'));
    try {
      const { data, graphAway } = await api.ask<Details>(DETAILS, { id: theory.id }, view.signal);
      if (graphAway || !data.theory) {
        inside.replaceChildren(view.away('Concepts, readings and videos come from it.', () => void load()));
        return;
      }
      const { mentions, readings, videos } = data.theory;
      const base = `#/course/${encodeURIComponent(course)}/map?center=`;
      inside.replaceChildren(
        h('h4', {}, `Concepts (${mentions.length})`),
        mentions.length === 0
          ? h('p', { class: 'soft' }, 'None.')
          : h(
              'dl',
              { class: 'mentions' },
              ...mentions.flatMap((mention) => [
                h('dt', {}, h('a', { href: base + encodeURIComponent(mention.concept.id) }, mention.concept.name)),
                h(
                  'dd',
                  {},
                  mention.definition ?? '',
                  mention.textEvidence && h('blockquote', {}, mention.textEvidence, mention.sourceDocument && h('cite', {}, ` ${mention.sourceDocument}`)),
                ),
              ]),
            ),
        ...([['Readings', readings], ['Videos', videos]] as const).flatMap(([title, items]) => [
          h('h4', {}, `${title} (${items.length})`),
          items.length === 0 ? h('p', { class: 'soft' }, 'None.') : h('ul', {}, ...items.map((item) => h('li', {}, outside(item.title, item.url)))),
        ]),
      );
    } catch (error) {
      if (!view.signal.aborted) inside.replaceChildren(view.failureBlock(error, () => void load()));
    }
  };
  const element = h('details', { class: 'theory' }, h('summary', {}, h('h3', {}, theory.name)), theory.summary && h('p', {}, theory.summary));
  if (theory.skills.length > 0) {
    element.append(
      h('h4', {}, `Skills (${theory.skills.length})`),
      h(
        'ul',
        { class: 'skills' },
        ...theory.skills.map((skill) =>
          h('li', {}, skill.name, skill.mastery && h('span', { class: 'of' }, badge(skill.mastery.masteryCategory), ` ${percent(skill.mastery.currentMastery)}`)),
        ),
      ),
    );
  }
  element.append(inside);
  element.addEventListener('toggle', () => {
    if (!element.open || asked) return;
    asked = true;
    void load();
  });
  return element;
}

export async function outlineView(api: Api, view: View, id: string): Promise<void> {
  view.loading('the outline');
  const answered = await api.ask<Data>(OUTLINE, { id }, view.signal);
  const { course } = answered.data;
  if (!course) {
    view.notFound('course');
    return;
  }
  const { chapters } = course;
  view.show(
    tabs(course, 'outline'),
    heading(
      course.title,
      h('p', { class: 'soft' }, `${personName(course.teacher)} · ${course.level.toLowerCase()} · ${plural(course.chapterCount, 'chapter')} · ${plural(course.studentCount, 'student')}`),
    ),
    course.description && h('p', { class: 'about' }, course.description),
    freshness(answered),
    chapters === null
      ? view.away('What SQL knows of the course is shown; chapters, theories and skills come from the graph.')
      : chapters.length === 0
        ? empty('This course has no chapter yet.')
        : h(
            'ol',
            { class: 'chain' },
            ...chapters.map((chapter) =>
              h(
                'li',
                {},
                h('h2', {}, chapter.name),
                chapter.description && h('p', { class: 'soft' }, chapter.description),
                chapter.theories.length === 0
                  ? h('p', { class: 'soft' }, 'No theory yet.')
                  : h('ol', { class: 'chain inner' }, ...chapter.theories.map((theory) => h('li', {}, details(api, view, course.id, theory)))),
              ),
            ),
          ),
  );
}
