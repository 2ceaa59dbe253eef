import type { EquityEvent, ShownHalt } from '../screen/events.js';
import type { AuditEvent } from './translate.js';

const LIMIT_MS = 5000;
const PAGE = 200;
const SNAPSHOTS = 20;

/** What an account is worth, in its quote asset. */
export type Equity = Omit<EquityEvent, 'event' | 'change'>;

/** What the launcher reads from its own API. Every call throws when it is not answered within five seconds. */
export interface ApiReader {
  /** Audit events after an id, oldest first. */
  events(after: string, signal: AbortSignal): Promise<readonly AuditEvent[]>;
  /** The last known equity of each account. */
  equity(signal: AbortSignal): Promise<readonly Equity[]>;
  /** Mode of each account, and the halts over it. */
  modes(signal: AbortSignal): Promise<ShownModes>;
}

export interface ShownModes {
  readonly modes: Readonly<Record<string, string>>;
  readonly halts: readonly ShownHalt[];
}

type Row = Readonly<Record<string, unknown>>;

/**
 * @param address where the API is now: a restarted one may answer elsewhere.
 * @param key the owner's API key. It is sent to this address only.
 */
export function apiReader(address: () => string, key: string): ApiReader {
  const get = async (path: string, signal: AbortSignal): Promise<Row> => {
    const response = await fetch(new URL(path, address()), {
      headers: { authorization: `Bearer ${key}` },
      signal: AbortSignal.any([signal, AbortSignal.timeout(LIMIT_MS)]),
    });
    if (!response.ok) throw new Error(`${path} answered ${response.status}`);
    const body: unknown = await response.json();
    return isRow(body) ? body : {};
  };
  return {
    events: async (after, signal) => {
      const body = await get(`/v1/events?after=${encodeURIComponent(after)}&limit=${PAGE}`, signal);
      return rows(body['events']).flatMap(auditEvent);
    },
    equity: async (signal) => {
      const body = await get(`/v1/equity?limit=${SNAPSHOTS}`, signal);
      // Oldest first: the last one of an account is the one that counts.
      const latest = new Map<string, Equity>();
      for (const { account, equity, quote } of rows(body['snapshots'])) {
        if (typeof account !== 'string' || typeof equity !== 'string') continue;
        latest.set(account, { account, equity, ...(typeof quote === 'string' ? { quote } : {}) });
      }
      return [...latest.values()];
    },
    modes: async (signal) => {
      const body = await get('/v1/status', signal);
      const accounts = rows(body['accounts']).flatMap((row) =>
        typeof row['account'] === 'string' ? [{ ...row, account: row['account'] }] : [],
      );
      const modes = accounts.flatMap(({ account, mode }: Row & { account: string }) => (typeof mode === 'string' ? [[account, mode]] : []));
      const halts = accounts.flatMap(({ account, latches }: Row & { account: string }) =>
        rows(latches).map((latch) => haltOf(account, latch)),
      );
      return { modes: Object.fromEntries(modes) as Readonly<Record<string, string>>, halts };
    },
  };
}

const isRow = (value: unknown): value is Row => typeof value === 'object' && value !== null && !Array.isArray(value);
const rows = (value: unknown): readonly Row[] => (Array.isArray(value) ? value.filter(isRow) : []);

function haltOf(account: string, { scope, scopeValue, subject, reason, policy }: Row): ShownHalt {
  const told = (value: unknown): string => (typeof value === 'string' ? value : '');
  return {
    account,
    what: [told(scope), told(scopeValue)].join(' ').trim(),
    by: told(subject),
    reason: told(reason),
    isSold: policy === 'atOnce',
  };
}

function auditEvent(row: Row): readonly AuditEvent[] {
  const { id, time, kind, account, subject, data } = row;
  if ((typeof id !== 'string' && typeof id !== 'number') || typeof kind !== 'string') return [];
  return [
    {
      id: String(id),
      time: typeof time === 'number' ? time : Date.parse(String(time)),
      kind,
      account: typeof account === 'string' ? account : '',
      ...(typeof subject === 'string' ? { subject } : {}),
      data: isRow(data) ? data : {},
    },
  ];
}
