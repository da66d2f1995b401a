/** Where the concepts go: pushed apart for an overview, in layers for the prerequisites of one goal. */
import dagre from '@dagrejs/dagre';
import { forceCollide, forceLink, forceManyBody, forceSimulation, forceX, forceY, type SimulationNodeDatum } from 'd3-force';

export interface Concept {
  id: string;
  name: string;
}
export interface Relation {
  id: string;
  type: string;
  reason: string | null;
  origin: string;
  source: { id: string };
  target: { id: string };
}
export interface Placed extends Concept {
  x: number;
  y: number;
  /** Half of the width and height of what is drawn. */
  rx: number;
  ry: number;
  degree: number;
}
export interface Line {
  relation: Relation;
  points: [number, number][];
}
export interface Drawing {
  shape: 'circle' | 'box';
  nodes: Placed[];
  lines: Line[];
}

function degrees(relations: Relation[]): Map<string, number> {
  const found = new Map<string, number>();
  for (const { source, target } of relations) {
    for (const { id } of [source, target]) found.set(id, (found.get(id) ?? 0) + 1);
  }
  return found;
}

/** The same input gives the same picture: the forces start from fixed places and end before anything is shown. */
export function overview(concepts: Concept[], relations: Relation[], center: string | null): Drawing {
  interface Point extends SimulationNodeDatum {
    concept: Concept;
    r: number;
    degree: number;
  }
  const degree = degrees(relations);
  const points: Point[] = concepts.map((concept) => {
    const d = degree.get(concept.id) ?? 0;
    const point: Point = { concept, degree: d, r: concept.id === center ? 16 : Math.min(5 + Math.sqrt(d) * 2, 14) };
    return concept.id === center ? { ...point, fx: 0, fy: 0 } : point;
  });
  const byId = new Map(points.map((point) => [point.concept.id, point]));
  const links = relations
    .filter(({ source, target }) => byId.has(source.id) && byId.has(target.id))
    .map((relation) => ({ relation, source: byId.get(relation.source.id) as Point, target: byId.get(relation.target.id) as Point }));
  const simulation = forceSimulation(points)
    .force('charge', forceManyBody<Point>().strength(-160).distanceMax(500))
    .force('link', forceLink(links).distance(70))
    .force('x', forceX<Point>().strength((point) => (point.degree === 0 ? 0.1 : 0.05)))
    .force('y', forceY<Point>().strength((point) => (point.degree === 0 ? 0.14 : 0.08)))
    .force('collide', forceCollide<Point>((point) => point.r + 9))
    .stop();
  simulation.tick(points.length > 250 ? 180 : 260);
  const at = (point: Point): [number, number] => [point.x ?? 0, point.y ?? 0];
  return {
    shape: 'circle',
    nodes: points.map((point) => ({ ...point.concept, x: at(point)[0], y: at(point)[1], rx: point.r, ry: point.r, degree: point.degree })),
    lines: links.map(({ relation, source, target }) => {
      const [x1, y1] = at(source);
      const [x2, y2] = at(target);
      const length = Math.hypot(x2 - x1, y2 - y1) || 1;
      const [ux, uy] = [(x2 - x1) / length, (y2 - y1) / length];
      return { relation, points: [[x1 + ux * source.r, y1 + uy * source.r], [x2 - ux * (target.r + 2), y2 - uy * (target.r + 2)]] };
    }),
  };
}

/** Keep the goal and what leads to it along these relations. */
export function before(goal: string, concepts: Concept[], relations: Relation[]): { concepts: Concept[]; relations: Relation[] } {
  const into = new Map<string, Relation[]>();
  for (const relation of relations) into.set(relation.target.id, [...(into.get(relation.target.id) ?? []), relation]);
  const kept = new Set([goal]);
  const queue = [goal];
  for (let id = queue.pop(); id !== undefined; id = queue.pop()) {
    for (const { source } of into.get(id) ?? []) {
      if (!kept.has(source.id)) {
        kept.add(source.id);
        queue.push(source.id);
      }
    }
  }
  return {
    concepts: concepts.filter(({ id }) => kept.has(id)),
    relations: relations.filter(({ source, target }) => kept.has(source.id) && kept.has(target.id)),
  };
}

export function layers(concepts: Concept[], relations: Relation[]): Drawing {
  const graph = new dagre.graphlib.Graph({ multigraph: true });
  graph.setGraph({ rankdir: 'LR', nodesep: 14, ranksep: 60, marginx: 10, marginy: 10 });
  graph.setDefaultEdgeLabel(() => ({}));
  const degree = degrees(relations);
  for (const { id, name } of concepts) graph.setNode(id, { width: name.length * 7.6 + 24, height: 34 });
  for (const relation of relations) graph.setEdge(relation.source.id, relation.target.id, {}, relation.id);
  dagre.layout(graph);
  return {
    shape: 'box',
    nodes: concepts.map((concept) => {
      const { x, y, width, height } = graph.node(concept.id) as { x: number; y: number; width: number; height: number };
      return { ...concept, x, y, rx: width / 2, ry: height / 2, degree: degree.get(concept.id) ?? 0 };
    }),
    lines: relations.map((relation) => {
      const edge = graph.edge({ v: relation.source.id, w: relation.target.id, name: relation.id }) as { points: { x: number; y: number }[] };
      return { relation, points: edge.points.map(({ x, y }) => [x, y]) };
    }),
  };
}
