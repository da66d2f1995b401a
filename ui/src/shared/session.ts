/** Who is signed in: the tokens live in this tab only (memory and sessionStorage), and are refreshed in time. */
export interface Person {
  id: string;
  firstName: string;
  lastName: string;
  role: string;
}

interface Tokens {
  accessToken: string;
  accessExpiresAt: string;
  refreshToken: string;
  user: Person;
}

interface Kept {
  accessToken: string;
  refreshToken: string;
  user: Person;
  /** When to refresh and when the access token ends, by this browser's clock. */
  refreshAt: number;
  endsAt: number;
}

export interface GraphQLError {
  message: string;
  path?: (string | number)[];
  extensions?: { code?: string; retryable?: boolean; retryAfterMs?: number; [more: string]: unknown };
}

export interface GraphQLAnswer<T> {
  data?: T | null;
  errors?: GraphQLError[];
  extensions?: { graph?: { asOf: string | null; lagMs: number | null }; [more: string]: unknown };
}

interface SessionAnswer {
  outcome: { session?: Tokens; message?: string; fields?: { message: string }[] } | null;
}

const KEY = 'lab-tutor.session';
const SESSION = 'session { accessToken accessExpiresAt refreshToken user { id firstName lastName role } }';
const LOG_IN = `mutation LogIn($input: LogInInput!) { outcome: logIn(input: $input) { ... on LogInSuccess { ${SESSION} } ... on Problem { message } ... on InvalidInputProblem { fields { message } } } }`;
const REFRESH = `mutation Refresh($input: RefreshInput!) { outcome: refresh(input: $input) { ... on RefreshSuccess { ${SESSION} } ... on Problem { message } } }`;
const LOG_OUT = 'mutation LogOut($input: LogOutInput!) { logOut(input: $input) { __typename } }';

/** The server could not be reached, or answered with something that is not GraphQL. */
export class Unreachable extends Error {}

export async function post<T>(
  endpoint: string,
  body: { query: string; variables?: unknown; operationName?: string | null },
  headers: Record<string, string> = {},
  signal?: AbortSignal,
): Promise<{ answer: GraphQLAnswer<T>; date: string | null }> {
  let response: Response;
  try {
    response = await fetch(endpoint, {
      method: 'POST',
      headers: { 'content-type': 'application/json', accept: 'application/json', ...headers },
      body: JSON.stringify(body),
      credentials: 'omit',
      signal: signal ?? null,
    });
  } catch (error) {
    if (error instanceof DOMException && error.name === 'AbortError') throw error;
    throw new Unreachable('The server cannot be reached. Is it running?');
  }
  const text = await response.text();
  try {
    const answer = JSON.parse(text) as GraphQLAnswer<T>;
    if (typeof answer === 'object' && answer !== null && ('data' in answer || 'errors' in answer)) {
      return { answer, date: response.headers.get('date') };
    }
  } catch {
    // Told below, with the status.
  }
  throw new Unreachable(`The server answered ${response.status}: ${text.slice(0, 300) || response.statusText}`);
}

export class SessionStore extends EventTarget {
  private kept: Kept | null = null;
  private timer: number | undefined;
  private refreshing: Promise<boolean> | null = null;
  /** Why the last session ended, until the next one begins. */
  ended: string | null = null;

  constructor(readonly endpoint: string) {
    super();
    try {
      const stored = sessionStorage.getItem(KEY);
      if (stored) this.kept = JSON.parse(stored) as Kept;
    } catch {
      this.kept = null;
    }
    this.schedule();
  }

  get person(): Person | null {
    return this.kept?.user ?? null;
  }

  /** The token to send now: refreshed first when it is about to end. */
  async token(): Promise<string | null> {
    if (this.kept && Date.now() >= this.kept.endsAt - 2_000) await this.refresh();
    return this.kept?.accessToken ?? null;
  }

  /** Return null when it worked, or why it did not. */
  async logIn(email: string, password: string): Promise<string | null> {
    try {
      const { answer, date } = await post<SessionAnswer>(this.endpoint, {
        query: LOG_IN,
        variables: { input: { email, password } },
        operationName: 'LogIn',
      });
      const outcome = answer.data?.outcome;
      if (outcome?.session) {
        this.keep(outcome.session, date);
        return null;
      }
      const error = answer.errors?.[0];
      if (error?.extensions?.code === 'RATE_LIMITED') {
        const seconds = Math.ceil((error.extensions.retryAfterMs ?? 0) / 1000);
        return `Too many attempts. Try again in ${seconds > 90 ? `${Math.ceil(seconds / 60)} minutes` : `${seconds} seconds`}.`;
      }
      return outcome?.message ?? error?.message ?? 'The server did not say why.';
    } catch (error) {
      return error instanceof Error ? error.message : String(error);
    }
  }

  async logOut(): Promise<void> {
    const kept = this.kept;
    this.end(null);
    if (!kept) return;
    try {
      await post(this.endpoint, {
        query: LOG_OUT,
        variables: { input: { refreshToken: kept.refreshToken } },
        operationName: 'LogOut',
      });
    } catch {
      // The tokens are forgotten here all the same, and end by themselves.
    }
  }

  /** Return whether the session goes on. */
  refresh(): Promise<boolean> {
    this.refreshing ??= this.exchange().finally(() => {
      this.refreshing = null;
    });
    return this.refreshing;
  }

  private async exchange(): Promise<boolean> {
    const before = this.kept;
    if (!before) return false;
    try {
      const { answer, date } = await post<SessionAnswer>(this.endpoint, {
        query: REFRESH,
        variables: { input: { refreshToken: before.refreshToken } },
        operationName: 'Refresh',
      });
      if (this.kept !== before) return this.kept !== null;
      const session = answer.data?.outcome?.session;
      if (session) {
        this.keep(session, date);
        return true;
      }
      const code = answer.errors?.[0]?.extensions?.code;
      if (answer.data?.outcome || code === 'UNAUTHENTICATED') {
        this.end('Your session has ended. Sign in again.');
        return false;
      }
    } catch {
      // The server is away: the tokens may still be good when it is back.
    }
    if (Date.now() < before.endsAt) this.schedule(15_000);
    return false;
  }

  private keep(session: Tokens, date: string | null): void {
    // The server's clock counts; the browser's may be off.
    const skew = date ? Date.parse(date) - Date.now() : 0;
    const endsAt = Date.parse(session.accessExpiresAt) - (Math.abs(skew) > 2_000 ? skew : 0);
    const lifetime = Math.max(endsAt - Date.now(), 5_000);
    this.kept = {
      accessToken: session.accessToken,
      refreshToken: session.refreshToken,
      user: session.user,
      endsAt,
      refreshAt: endsAt - Math.min(60_000, lifetime / 4),
    };
    this.ended = null;
    try {
      sessionStorage.setItem(KEY, JSON.stringify(this.kept));
    } catch {
      // Without storage the session lasts as long as the page.
    }
    this.schedule();
    this.dispatchEvent(new Event('change'));
  }

  /** Forget the session, with a reason for people when it was not their wish. */
  end(reason: string | null): void {
    window.clearTimeout(this.timer);
    const had = this.kept !== null;
    this.kept = null;
    this.ended = reason;
    try {
      sessionStorage.removeItem(KEY);
    } catch {
      // Nothing was stored.
    }
    if (had) this.dispatchEvent(new Event('change'));
  }

  private schedule(delay?: number): void {
    window.clearTimeout(this.timer);
    if (!this.kept) return;
    const wait = delay ?? Math.max(this.kept.refreshAt - Date.now(), 0);
    this.timer = window.setTimeout(() => void this.refresh(), Math.min(wait, 2_000_000_000));
  }
}
