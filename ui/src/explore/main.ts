import './explore.css';
import { mountBar } from '../shared/bar';
import { readConfig } from '../shared/config';
import { h } from '../shared/dom';
import { SessionStore } from '../shared/session';
import { Api, Failed } from './api';
import { classView } from './class';
import { coursesView } from './courses';
import { mapView } from './map';
import { masteryView } from './mastery';
import { outlineView } from './outline';
import { awayNote, empty, failure, heading, loading } from './parts';

type Block = Node | string | null | undefined | false;

/** Where a view shows itself: only as long as it is the one that people look at. */
export interface View {
  readonly signal: AbortSignal;
  loading(what: string): void;
  show(...blocks: Block[]): void;
  failed(error: unknown): void;
  notFound(what: string): void;
  away(shown: string, retry?: () => void): HTMLElement;
  failureBlock(error: unknown, retry: () => void): HTMLElement;
}

const config = readConfig();
const session = new SessionStore(config.endpoint);
mountBar(document.getElementById('bar') as HTMLElement, config, session, '/explore');
const main = document.getElementById('main') as HTMLElement;
const api = new Api(session);
let current = new AbortController();
let visited = false;
let shownPage = '';

/** What has the focus, in words that find its successor on the same page drawn anew. */
function focused(): string | null {
  const active = document.activeElement;
  if (!active || !main.contains(active)) return null;
  if (active.id) return `#${CSS.escape(active.id)}`;
  return active instanceof HTMLInputElement && active.value ? `input[value="${CSS.escape(active.value)}"]` : null;
}

function makeView(abort: AbortController, page: string): View {
  const again = page === shownPage;
  const put = (blocks: Block[]): void => {
    if (abort.signal.aborted) return;
    shownPage = page;
    main.removeAttribute('aria-busy');
    main.replaceChildren(...blocks.filter((block): block is Node | string => block !== null && block !== undefined && block !== false));
  };
  const focus = (kept: string | null = null): void => {
    // A reader is told where it is; on the first page the browser does it, and a filter keeps the focus.
    const before = kept === null ? null : main.querySelector<HTMLElement>(kept);
    if (before) before.focus({ preventScroll: true });
    else if (visited) main.querySelector<HTMLElement>('h1')?.focus({ preventScroll: true });
    visited = true;
  };
  return {
    signal: abort.signal,
    loading: (what) => {
      // The same page with another filter stays until the new one is there: nothing jumps.
      if (again) main.setAttribute('aria-busy', 'true');
      else put([loading(what)]);
    },
    show: (...blocks) => {
      if (abort.signal.aborted) return;
      const kept = again ? focused() : null;
      put(blocks);
      focus(kept);
    },
    failed: (error) => {
      if (abort.signal.aborted) return;
      put([heading(error instanceof Failed && error.kind === 'signed-out' ? 'Welcome' : 'This did not work'), failure(error, route)]);
      focus();
    },
    notFound: (what) => {
      put([heading('Not found'), empty(`There is no such ${what}, or it is not for you to see.`), h('p', {}, h('a', { href: '#/' }, 'All courses'))]);
      focus();
    },
    away: (shown, retry = route) => awayNote(retry, shown),
    failureBlock: (error, retry) => failure(error, retry),
  };
}

function route(): void {
  current.abort();
  current = new AbortController();
  const [path = '', search = ''] = location.hash.replace(/^#/, '').split('?');
  let parts: string[];
  try {
    parts = path.split('/').filter(Boolean).map(decodeURIComponent);
  } catch {
    parts = ['?'];
  }
  const [kind, id, page = 'outline', more] = parts;
  const view = makeView(current, `${session.person?.id} ${path}`);
  const shown = async (): Promise<void> => {
    if (session.person === null) throw new Failed(session.ended ?? 'Sign in above to see courses, the map of their concepts, and mastery.', 'signed-out');
    if (kind === undefined) await coursesView(api, view);
    else if (kind === 'course' && id !== undefined && page === 'outline') await outlineView(api, view, id);
    else if (kind === 'course' && id !== undefined && page === 'map') await mapView(api, view, id, new URLSearchParams(search));
    else if (kind === 'course' && id !== undefined && page === 'mastery') await masteryView(api, view, id, null);
    else if (kind === 'course' && id !== undefined && page === 'class') await classView(api, view, id, new URLSearchParams(search));
    else if (kind === 'course' && id !== undefined && page === 'student' && more !== undefined) await masteryView(api, view, id, more);
    else view.notFound('page');
  };
  shown().catch((error: unknown) => {
    if (!(error instanceof DOMException && error.name === 'AbortError')) view.failed(error);
  });
}

window.addEventListener('hashchange', route);
let who = session.person?.id;
session.addEventListener('change', () => {
  // A refreshed token changes nothing on the page.
  if (session.person?.id === who) return;
  who = session.person?.id;
  route();
});
route();
