/** One round trip to the public API, with the session's token and words for what can go wrong. */
import { post, Unreachable, type GraphQLError, type SessionStore } from '../shared/session';

export interface Answered<T> {
  data: T;
  errors: GraphQLError[];
  /** Whether a field of the graph is missing because the graph is away. */
  graphAway: boolean;
  /** How far the graph is behind, in milliseconds; null when it was not asked. */
  lagMs: number | null;
}

/** Something that people have to be told instead of the view. */
export class Failed extends Error {
  constructor(
    message: string,
    readonly kind: 'signed-out' | 'graph-away' | 'error',
  ) {
    super(message);
  }
}

export class Api {
  constructor(private readonly session: SessionStore) {}

  get role(): string {
    return this.session.person?.role ?? '';
  }

  async ask<T>(query: string, variables: Record<string, unknown>, signal?: AbortSignal): Promise<Answered<T>> {
    const name = /^\s*query\s+(\w+)/.exec(query)?.[1] ?? null;
    for (let tries = 0; ; tries += 1) {
      const token = await this.session.token();
      if (token === null) throw new Failed(this.session.ended ?? 'Sign in to see your courses.', 'signed-out');
      let answer;
      try {
        ({ answer } = await post<T>(
          this.session.endpoint,
          { query, variables, operationName: name },
          { authorization: `Bearer ${token}` },
          signal,
        ));
      } catch (error) {
        if (error instanceof Unreachable) throw new Failed(error.message, 'error');
        throw error;
      }
      const errors = answer.errors ?? [];
      const codes = errors.map((error) => error.extensions?.code);
      if (codes.includes('UNAUTHENTICATED')) {
        if (tries === 0 && (await this.session.refresh())) continue;
        this.session.end('Your session has ended. Sign in again.');
        throw new Failed('Your session has ended. Sign in again.', 'signed-out');
      }
      const graphAway = codes.includes('GRAPH_UNAVAILABLE');
      if (graphAway && tries === 0 && errors.some((error) => error.extensions?.retryable === true)) {
        // A moment may be enough: a busy graph, or one that just came back.
        await new Promise((resume) => window.setTimeout(resume, 600));
        continue;
      }
      if (!answer.data) {
        throw new Failed(errors[0]?.message ?? 'The server did not answer the question.', graphAway ? 'graph-away' : 'error');
      }
      const other = errors.find((error) => error.extensions?.code !== 'GRAPH_UNAVAILABLE');
      if (other && Object.values(answer.data).every((value) => value === null)) throw new Failed(other.message, 'error');
      return { data: answer.data, errors, graphAway, lagMs: answer.extensions?.graph?.lagMs ?? null };
    }
  }
}
