/** How GraphiQL reaches the API: with the session's token, the right operation name and words that help. */
import type { Fetcher, FetcherParams } from '@graphiql/toolkit';
import { getOperationAST, Kind, parse, type DocumentNode } from 'graphql';
import { CloseCode, createClient } from 'graphql-ws';
import { post, Unreachable, type GraphQLAnswer, type GraphQLError, type SessionStore } from '../shared/session';
import { rememberWrite } from './placeholders';

function parsed(query: string): DocumentNode | null {
  try {
    return parse(query);
  } catch {
    return null;
  }
}

/** Right after a change of tabs GraphiQL names the former tab's operation: the document's own names count. */
function operationName(document: DocumentNode | null, asked: string | null | undefined): string | null {
  if (!document) return asked ?? null;
  const names = document.definitions.flatMap((d) => (d.kind === Kind.OPERATION_DEFINITION ? [d.name?.value ?? null] : []));
  if (asked && names.includes(asked)) return asked;
  return names.length === 1 ? (names[0] ?? null) : null;
}

interface Observer {
  next(value: unknown): void;
  error(error: unknown): void;
  complete(): void;
}

export function makeFetcher(session: SessionStore, alert: (message: string | null) => void): Fetcher {
  function say(answer: GraphQLAnswer<unknown>, typedToken: boolean): void {
    const codes = new Set(answer.errors?.map((error) => error.extensions?.code));
    if (codes.has('UNAUTHENTICATED')) {
      alert(
        typedToken ? 'The token in the Headers tab does not hold (any more).'
          : (session.ended ?? 'Sign in first: this question is for people who are signed in.'),
      );
    } else if (codes.has('GRAPH_UNAVAILABLE')) {
      alert('The graph cannot be reached. Fields that SQL answers still work; see the descriptions in Docs.');
    } else if (codes.has('RATE_LIMITED')) {
      alert('Too many requests: wait a little.');
    } else {
      alert(session.ended);
    }
  }

  async function ask(params: FetcherParams, typed: Record<string, string>): Promise<GraphQLAnswer<unknown>> {
    const typedToken = Object.keys(typed).some((name) => name.toLowerCase() === 'authorization');
    const body = { query: params.query, variables: params.variables as unknown, operationName: params.operationName ?? null };
    const withToken = async (): Promise<Record<string, string>> => {
      if (typedToken) return typed;
      const token = await session.token();
      return token ? { authorization: `Bearer ${token}`, ...typed } : typed;
    };
    try {
      const headers = await withToken();
      let { answer } = await post(session.endpoint, body, headers);
      const refused = answer.errors?.some((error) => error.extensions?.code === 'UNAUTHENTICATED');
      if (refused && !typedToken && headers.authorization) {
        // Once more: with a new token, or as nobody where the session has ended (the schema is for everybody).
        if (session.person) await session.refresh();
        ({ answer } = await post(session.endpoint, body, await withToken()));
      }
      say(answer, typedToken);
      rememberWrite(answer.data);
      return answer;
    } catch (error) {
      if (!(error instanceof Unreachable)) throw error;
      alert(error.message);
      return { errors: [{ message: error.message }] };
    }
  }

  return (params, options) => {
    const document = parsed(params.query);
    const name = operationName(document, params.operationName);
    const asked: FetcherParams = { ...params, operationName: name };
    const typed = (options?.headers ?? {}) as Record<string, string>;
    if (!document || getOperationAST(document, name)?.operation !== 'subscription') {
      return ask(asked, typed) as never;
    }
    return { subscribe: (observer: Observer) => follow(asked, typed, observer) } as never;
  };

  /** Over a WebSocket of the same origin, one for each subscription: it is closed when the stream ends. */
  function follow(asked: FetcherParams, typed: Record<string, string>, observer: Observer): { unsubscribe(): void } {
    const typedToken = Object.entries(typed).find(([name]) => name.toLowerCase() === 'authorization')?.[1];
    const client = createClient({
      url: new URL(session.endpoint, location.href.replace(/^http/, 'ws')).href,
      retryAttempts: 0,
      connectionParams: async () => {
        const token = await session.token();
        const authorization = typedToken ?? (token ? `Bearer ${token}` : null);
        return authorization ? { authorization } : {};
      },
    });
    const fail = (error: unknown): void => {
      const closed = error instanceof CloseEvent ? error : null;
      if (closed?.code === CloseCode.Unauthorized || closed?.code === CloseCode.Forbidden) {
        say({ errors: [{ message: closed.reason, extensions: { code: 'UNAUTHENTICATED' } }] }, typedToken !== undefined);
      } else if (Array.isArray(error)) {
        say({ errors: error as GraphQLError[] }, typedToken !== undefined);
      }
      if (Array.isArray(error)) observer.error(error);
      else observer.error({ message: closed?.reason || 'The subscription ended: the server cannot be reached, or takes no WebSocket.' });
    };
    const payload = { query: asked.query, variables: asked.variables as Record<string, unknown>, operationName: asked.operationName ?? null };
    alert(session.ended);
    const stop = client.subscribe(payload, { next: (value) => observer.next(value), complete: () => observer.complete(), error: fail });
    return { unsubscribe: stop };
  }
}
