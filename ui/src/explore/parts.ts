/** Pieces that every view uses: its states, its heading, and how mastery is shown without relying on colour. */
import { h } from '../shared/dom';
import { Failed, type Answered } from './api';

export const CATEGORIES = ['NOT_STARTED', 'STRUGGLING', 'DEVELOPING', 'PROFICIENT', 'MASTERED'] as const;
export type Category = (typeof CATEGORIES)[number];

const WORDS: Record<Category, [string, string]> = {
  NOT_STARTED: ['–', 'not started'],
  STRUGGLING: ['▁', 'struggling'],
  DEVELOPING: ['▃', 'developing'],
  PROFICIENT: ['▅', 'proficient'],
  MASTERED: ['█', 'mastered'],
};
const TRENDS: Record<string, string> = { IMPROVING: '↗ improving', STABLE: '→ stable', DECLINING: '↘ declining' };

export interface Policy {
  developingFrom: number;
  proficientFrom: number;
  masteredFrom: number;
}

export const wordOf = (category: Category): string => WORDS[category][1];
export const trendWords = (trend: string | null): string => (trend ? (TRENDS[trend] ?? trend.toLowerCase()) : '');
export const percent = (value: number | null | undefined): string =>
  value === null || value === undefined ? '–' : `${Math.round(value * 100)} %`;
export const personName = (person: { firstName: string; lastName: string }): string => `${person.firstName} ${person.lastName}`;
export const plural = (count: number, one: string, many = `${one}s`): string =>
  `${count.toLocaleString('en')} ${count === 1 ? one : many}`;

export function bandOf(value: number | null, policy: Policy): Category {
  if (value === null) return 'NOT_STARTED';
  if (value >= policy.masteredFrom) return 'MASTERED';
  if (value >= policy.proficientFrom) return 'PROFICIENT';
  return value >= policy.developingFrom ? 'DEVELOPING' : 'STRUGGLING';
}

/** A category as a sign and a word; colour only repeats it. */
export function badge(category: Category): HTMLElement {
  const [sign, word] = WORDS[category];
  return h('span', { class: `badge band-${category}` }, h('span', { class: 'sign', 'aria-hidden': 'true' }, sign), ` ${word}`);
}

export function sign(category: Category): HTMLElement {
  return h('span', { class: 'sign', 'aria-hidden': 'true' }, WORDS[category][0]);
}

export function legend(policy: Policy): HTMLElement {
  const from: Record<Category, string> = {
    NOT_STARTED: '',
    STRUGGLING: `below ${percent(policy.developingFrom)}`,
    DEVELOPING: `from ${percent(policy.developingFrom)}`,
    PROFICIENT: `from ${percent(policy.proficientFrom)}`,
    MASTERED: `from ${percent(policy.masteredFrom)}, well assessed`,
  };
  const list = h('ul', { class: 'legend', 'aria-label': 'Legend' });
  for (const category of CATEGORIES) list.append(h('li', {}, badge(category), from[category] ? ` ${from[category]}` : ''));
  return list;
}

export function heading(text: string, ...more: (Node | string)[]): HTMLElement {
  document.title = `${text} · Lab Tutor`;
  return h('div', { class: 'heading' }, h('h1', { tabindex: '-1' }, text), ...more);
}

export function loading(what: string): HTMLElement {
  return h('div', { class: 'loading', role: 'status' }, `Loading ${what}…`);
}

export function empty(text: string): HTMLElement {
  return h('p', { class: 'note empty' }, text);
}

export function retryButton(retry: () => void): HTMLElement {
  return h('button', { type: 'button', click: retry }, 'Try again');
}

export function awayNote(retry: () => void, shown: string): HTMLElement {
  return h('div', { class: 'note away', role: 'alert' }, h('p', {}, h('strong', {}, 'The graph cannot be reached. '), shown), retryButton(retry));
}

export function failure(error: unknown, retry: () => void): HTMLElement {
  if (error instanceof Failed) {
    if (error.kind === 'signed-out') return h('div', { class: 'note' }, h('p', {}, error.message));
    if (error.kind === 'graph-away') return awayNote(retry, 'This page is made from it: try again in a moment.');
    return h('div', { class: 'note bad', role: 'alert' }, h('p', {}, error.message), retryButton(retry));
  }
  const text = error instanceof Error ? error.message : String(error);
  return h('div', { class: 'note bad', role: 'alert' }, h('p', {}, `Something went wrong: ${text}`), retryButton(retry));
}

/** Say how fresh the graph's part is: always there, so that nothing jumps. */
export function freshness(answered: Answered<unknown>): HTMLElement {
  const lag = answered.lagMs;
  if (lag === null || answered.graphAway) return h('p', { class: 'fresh' });
  if (lag < 1_000) return h('p', { class: 'fresh' }, 'The graph is up to date.');
  const seconds = lag / 1_000;
  const shown = seconds < 90 ? plural(Math.round(seconds), 'second') : plural(Math.round(seconds / 60), 'minute');
  return h('p', { class: 'fresh stale', role: 'status' }, `The graph is ${shown} behind: the newest changes may be missing here.`);
}

export function outside(title: string, url: string): Node {
  if (!/^https?:\/\//i.test(url)) return document.createTextNode(title);
  return h('a', { href: url, rel: 'noreferrer noopener', target: '_blank' }, title);
}

export interface CourseHead {
  id: string;
  title: string;
  viewerCan: string[];
  viewerEnrollment?: { id: string } | null;
}
export const COURSE_HEAD = 'id title viewerCan viewerEnrollment { id }';

export function tabs(course: CourseHead, here: 'outline' | 'map' | 'mastery' | 'class'): HTMLElement {
  const base = `#/course/${encodeURIComponent(course.id)}`;
  const all: [string, string, string][] = [['outline', base, 'Outline'], ['map', `${base}/map`, 'Concept map']];
  if (course.viewerEnrollment) all.push(['mastery', `${base}/mastery`, 'My mastery']);
  if (course.viewerCan.includes('ASSESS')) all.push(['class', `${base}/class`, 'Class']);
  return h(
    'nav',
    { class: 'tabs', 'aria-label': 'Course' },
    h('a', { href: '#/' }, '← Courses'),
    ...all.map(([key, href, label]) => h('a', { href, 'aria-current': key === here ? 'page' : null }, label)),
  );
}
