/** The drawing itself: an SVG that can be panned, zoomed and walked through by keyboard. */
import { s } from '../shared/dom';
import type { Drawing, Placed } from './layout';

export const TYPES = ['PREREQUISITE', 'PART_OF', 'IS_A', 'USED_FOR', 'RELATED_TO'] as const;
const VERBS: Record<string, string> = {
  PREREQUISITE: 'comes before',
  PART_OF: 'is part of',
  IS_A: 'is a kind of',
  USED_FOR: 'is used for',
  RELATED_TO: 'is related to',
};
export const verbOf = (type: string): string => VERBS[type] ?? type.toLowerCase().replaceAll('_', ' ');

/** A short line as it is drawn, for the legend. */
export function sample(type: string): SVGSVGElement {
  return s('svg', { class: 'sample', viewBox: '0 0 34 10', width: 34, height: 10, 'aria-hidden': 'true' }, s('path', { class: `line type-${type}`, d: 'M1 5H33' }));
}

export interface Picture {
  element: HTMLElement;
  select(id: string | null, reveal: boolean): void;
  has(id: string): boolean;
  zoom(factor: number): void;
  fit(): void;
  dispose(): void;
}

export function makePicture(drawing: Drawing, label: string, marked: string | null, chosen: (id: string) => void, opened: (id: string) => void): Picture {
  const byId = new Map(drawing.nodes.map((node) => [node.id, node]));
  const lines = s('g', {});
  const dots = s('g', {});
  const svg = s('svg', { class: `map-svg shape-${drawing.shape}`, role: 'group', 'aria-label': label, 'aria-describedby': 'map-help' });
  const defs = s('defs', {});
  for (const type of TYPES) {
    if (type === 'RELATED_TO') continue;
    defs.append(
      s('marker', { id: `tip-${type}`, viewBox: '0 0 8 8', refX: 7, refY: 4, markerWidth: 9, markerHeight: 9, markerUnits: 'userSpaceOnUse', orient: 'auto' },
        s('path', { class: `tip type-${type}`, d: 'M0 0 8 4 0 8z' })),
    );
  }
  svg.append(defs, lines, dots);

  const near = new Map<string, Set<string>>();
  const drawnLines: { element: SVGElement; ends: [string, string] }[] = [];
  for (const { relation, points } of drawing.lines) {
    const [a, b] = [relation.source.id, relation.target.id];
    for (const [x, y] of [[a, b], [b, a]] as const) near.set(x, (near.get(x) ?? new Set()).add(y));
    const d = `M${points.map(([x, y]) => `${x.toFixed(1)} ${y.toFixed(1)}`).join('L')}`;
    const words = `${byId.get(a)?.name ?? ''} ${verbOf(relation.type)} ${byId.get(b)?.name ?? ''}${relation.reason ? `: ${relation.reason}` : ''}`;
    const element = s('g', { class: 'edge' },
      s('path', { class: `line type-${relation.type}`, d, 'marker-end': relation.type === 'RELATED_TO' ? null : `url(#tip-${relation.type})` }),
      s('path', { class: 'hit', d }, s('title', {}, words)));
    drawnLines.push({ element, ends: [a, b] });
    lines.append(element);
  }
  const shortName = ({ name }: Placed): string => (drawing.shape === 'circle' && name.length > 30 ? `${name.slice(0, 28).trimEnd()}…` : name);
  const drawn = new Map<string, { node: Placed; element: SVGGElement; text: SVGTextElement }>();
  for (const node of drawing.nodes) {
    const text = s('text', { class: 'name', 'aria-hidden': 'true' }, shortName(node));
    const shape = drawing.shape === 'circle'
      ? s('circle', { r: node.rx })
      : s('rect', { x: -node.rx, y: -node.ry, width: node.rx * 2, height: node.ry * 2, rx: 7 });
    const element = s('g', {
      class: `node${node.id === marked ? ' marked' : ''}`,
      transform: `translate(${node.x.toFixed(1)} ${node.y.toFixed(1)})`,
      role: 'button',
      tabindex: -1,
      'aria-pressed': 'false',
    }, s('title', {}, `${node.name}, ${node.degree} relation${node.degree === 1 ? '' : 's'} here`), shape, text);
    if (drawing.shape === 'circle') text.setAttribute('text-anchor', 'middle');
    else {
      text.setAttribute('text-anchor', 'middle');
      text.setAttribute('dominant-baseline', 'central');
      text.setAttribute('font-size', '13');
    }
    element.addEventListener('click', () => { if (!moved) chosen(node.id); });
    element.addEventListener('dblclick', () => opened(node.id));
    element.addEventListener('focus', () => { walk(node.id); reveal(node); });
    element.addEventListener('keydown', (event) => onKey(event, node));
    drawn.set(node.id, { node, element, text });
    dots.append(element);
  }

  // —— One stop of the Tab key for the whole picture; arrows walk from there ——
  let stop = marked !== null && byId.has(marked) ? marked : [...drawing.nodes].sort((a, b) => b.degree - a.degree)[0]?.id;
  if (stop !== undefined) drawn.get(stop)?.element.setAttribute('tabindex', '0');
  function walk(id: string): void {
    if (stop !== undefined) drawn.get(stop)?.element.setAttribute('tabindex', '-1');
    stop = id;
    drawn.get(id)?.element.setAttribute('tabindex', '0');
  }
  function onKey(event: KeyboardEvent, node: Placed): void {
    const ways: Record<string, [number, number]> = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
    const way = ways[event.key];
    if (way) {
      let best: Placed | null = null;
      let least = Infinity;
      for (const other of drawing.nodes) {
        const along = (other.x - node.x) * way[0] + (other.y - node.y) * way[1];
        if (along <= 1) continue;
        const across = Math.abs((other.x - node.x) * way[1]) + Math.abs((other.y - node.y) * way[0]);
        const cost = along + across * 2.2;
        if (cost < least) [least, best] = [cost, other];
      }
      if (best) drawn.get(best.id)?.element.focus();
    } else if (event.key === 'Enter' || event.key === ' ') chosen(node.id);
    else if (event.key === 'c') opened(node.id);
    else return;
    event.preventDefault();
  }

  // —— Zoom and pan ——
  let view = { x: 0, y: 0, w: 100, h: 100 };
  const size = (): { w: number; h: number } => ({ w: svg.clientWidth || 800, h: svg.clientHeight || 500 });
  function apply(): void {
    svg.setAttribute('viewBox', `${view.x} ${view.y} ${view.w} ${view.h}`);
    name();
  }
  function fit(): void {
    const { w, h } = size();
    const room = drawing.shape === 'circle' ? 70 : 14;
    const xs = drawing.nodes.flatMap((n) => [n.x - n.rx - room, n.x + n.rx + room]);
    const ys = drawing.nodes.flatMap((n) => [n.y - n.ry - room / 2, n.y + n.ry + room / 2]);
    const [left, right, top, bottom] = [Math.min(...xs, 0), Math.max(...xs, 1), Math.min(...ys, 0), Math.max(...ys, 1)];
    let scale = Math.max((right - left) / w, (bottom - top) / h, 0.75);
    // A long row of layers stays legible: it is panned instead.
    if (drawing.shape === 'box') scale = Math.min(scale, 1.3);
    const marking = drawing.shape === 'box' && marked !== null ? byId.get(marked) : undefined;
    const fits = (right - left) / w <= scale;
    const x = marking && !fits ? marking.x + marking.rx + room - w * scale : (left + right) / 2 - (w * scale) / 2;
    const y = marking && (bottom - top) / h > scale ? marking.y - (h * scale) / 2 : (top + bottom) / 2 - (h * scale) / 2;
    view = { x, y, w: w * scale, h: h * scale };
    apply();
  }
  function zoom(factor: number, at?: { x: number; y: number }): void {
    const { w } = size();
    const wanted = Math.min(Math.max(view.w / factor, w * 0.15), w * 8);
    const real = view.w / wanted;
    const center = at ?? { x: view.x + view.w / 2, y: view.y + view.h / 2 };
    view = { x: center.x - (center.x - view.x) / real, y: center.y - (center.y - view.y) / real, w: wanted, h: view.h / real };
    apply();
  }
  function reveal(node: Placed): void {
    const inside = node.x > view.x && node.x < view.x + view.w && node.y > view.y && node.y < view.y + view.h;
    if (inside) return;
    view = { ...view, x: node.x - view.w / 2, y: node.y - view.h / 2 };
    apply();
  }

  /** Names keep their size on the screen; those of the most connected concepts come first, none covers another. */
  function name(): void {
    if (drawing.shape === 'box') return;
    const unit = view.w / size().w;
    const font = 12 * unit;
    const taken: [number, number, number, number][] = [];
    const order = [...drawn.values()].sort((a, b) => rank(b) - rank(a));
    for (const { node, element, text } of order) {
      const half = ((text.textContent?.length ?? 0) * 6.3 * unit) / 2;
      const y = node.ry + font * 1.05;
      const box: [number, number, number, number] = [node.x - half, node.y + node.ry, node.x + half, node.y + node.ry + font * 1.3];
      const free = taken.every((t) => box[2] < t[0] || box[0] > t[2] || box[3] < t[1] || box[1] > t[3]);
      if (free) taken.push(box);
      element.classList.toggle('named', free);
      text.setAttribute('font-size', font.toFixed(2));
      text.setAttribute('y', y.toFixed(2));
    }
  }
  let selected: string | null = null;
  function rank({ node }: { node: Placed }): number {
    if (node.id === selected) return 1e9;
    if (node.id === marked) return 1e8;
    return (selected !== null && near.get(selected)?.has(node.id) ? 1e6 : 0) + node.degree;
  }

  let moved = false;
  let from: { x: number; y: number; id: number } | null = null;
  const pointers = new Map<number, { x: number; y: number }>();
  svg.addEventListener('pointerdown', (event) => {
    pointers.set(event.pointerId, { x: event.clientX, y: event.clientY });
    from = { x: event.clientX, y: event.clientY, id: event.pointerId };
    moved = false;
  });
  svg.addEventListener('pointermove', (event) => {
    const last = pointers.get(event.pointerId);
    if (!last || !from) return;
    const unit = view.w / size().w;
    if (pointers.size === 2) {
      const other = [...pointers.entries()].find(([id]) => id !== event.pointerId)?.[1];
      if (other) {
        const was = Math.hypot(last.x - other.x, last.y - other.y);
        const is = Math.hypot(event.clientX - other.x, event.clientY - other.y);
        if (was > 0) zoom(is / was);
        moved = true;
      }
    } else if (moved || Math.hypot(event.clientX - from.x, event.clientY - from.y) > 4) {
      if (!moved) svg.setPointerCapture(event.pointerId);
      moved = true;
      view = { ...view, x: view.x - (event.clientX - last.x) * unit, y: view.y - (event.clientY - last.y) * unit };
      svg.setAttribute('viewBox', `${view.x} ${view.y} ${view.w} ${view.h}`);
    }
    pointers.set(event.pointerId, { x: event.clientX, y: event.clientY });
  });
  const up = (event: PointerEvent): void => {
    pointers.delete(event.pointerId);
    // The click that ends a drag chooses nothing; the next one does.
    if (moved) window.setTimeout(() => { moved = false; }, 0);
  };
  svg.addEventListener('pointerup', up);
  svg.addEventListener('pointercancel', up);
  svg.addEventListener('wheel', (event) => {
    // A plain wheel scrolls the page, as everywhere.
    if (!event.ctrlKey && !event.metaKey) return;
    event.preventDefault();
    const box = svg.getBoundingClientRect();
    const unit = view.w / size().w;
    zoom(Math.exp(-event.deltaY / 300), { x: view.x + (event.clientX - box.left) * unit, y: view.y + (event.clientY - box.top) * unit });
  }, { passive: false });
  svg.addEventListener('keydown', (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === '+' || event.key === '=') zoom(1.3);
    else if (event.key === '-') zoom(1 / 1.3);
    else if (event.key === '0') fit();
    else return;
    event.preventDefault();
  });

  let width = 0;
  const watcher = new ResizeObserver(() => {
    if (svg.clientWidth === width) return;
    width = svg.clientWidth;
    fit();
  });
  watcher.observe(svg);

  return {
    element: svg as unknown as HTMLElement,
    has: (id) => byId.has(id),
    zoom,
    fit,
    dispose: () => watcher.disconnect(),
    select(id, show) {
      selected = id;
      svg.classList.toggle('choosing', id !== null && byId.has(id));
      const around = id === null ? undefined : near.get(id);
      for (const [key, { element, node, text }] of drawn) {
        text.textContent = key === id ? node.name : shortName(node);
        element.classList.toggle('chosen', key === id);
        element.classList.toggle('near', around?.has(key) ?? false);
        element.setAttribute('aria-pressed', String(key === id));
      }
      for (const { element, ends } of drawnLines) element.classList.toggle('near', id !== null && ends.includes(id));
      const found = id === null ? undefined : byId.get(id);
      if (found && show) { walk(found.id); reveal(found); }
      name();
    },
  };
}
