import type { Access } from './address.js';
import { CommandFailure, EXIT } from './exit.js';
import { harmless } from './terminal.js';

const ANSWER_LIMIT_MS = 15_000;

/** Calls the API. The answer's form is the API's own schema of that route. */
export interface ApiClient {
  /** Parameters that are undefined are left out. */
  get<Answer>(path: string, query?: Readonly<Record<string, string | undefined>>): Promise<Answer>;
  post<Answer>(path: string, body: Readonly<Record<string, unknown>>): Promise<Answer>;
}

/** Every failure is a CommandFailure: 69 when nothing answers, 1 with the problem's own message when it is refused. */
export function apiClient({ address, key }: Access, answerLimitMs = ANSWER_LIMIT_MS): ApiClient {
  const call = async <Answer>(path: string, init: RequestInit): Promise<Answer> => {
    let response: Response;
    let text: string;
    try {
      const headers = { authorization: `Bearer ${key}`, ...(init.body === undefined ? {} : { 'content-type': 'application/json' }) };
      response = await fetch(new URL(path, address), { ...init, headers, redirect: 'error', signal: AbortSignal.timeout(answerLimitMs) });
      text = await response.text();
    } catch (error) {
      throw new CommandFailure(
        EXIT.unreachable,
        `The API at ${address} does not answer (${reasonOf(error, answerLimitMs)}). Is \`npm start\` running? Its log is logs/api.log in KEELSON_HOME.`,
      );
    }
    const value = parsed(text);
    if (response.ok && value !== undefined) return value as Answer;
    throw refused(response.status, value);
  };
  return {
    get: (path, query = {}) => {
      const given = Object.entries(query).filter((entry): entry is [string, string] => entry[1] !== undefined);
      const search = new URLSearchParams(given).toString();
      return call(search === '' ? path : `${path}?${search}`, { method: 'GET' });
    },
    post: (path, body) => call(path, { method: 'POST', body: JSON.stringify(body) }),
  };
}

function refused(status: number, value: unknown): CommandFailure {
  const problem = typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
  const detail =
    typeof problem['detail'] === 'string' ? problem['detail'] : `The API answered ${status} with something that is not of Keelson.`;
  return new CommandFailure(EXIT.refused, harmless(detail), problem);
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function reasonOf(error: unknown, answerLimitMs: number): string {
  if (!(error instanceof Error)) return String(error);
  const cause = error.cause instanceof Error && 'code' in error.cause ? String(error.cause.code) : undefined;
  return cause ?? (error.name === 'TimeoutError' ? `nothing within ${answerLimitMs / 1_000} s` : error.message);
}
