import { readFileSync } from 'node:fs';
import { setTimeout as wait } from 'node:timers/promises';
import pg from 'pg';
import { homePaths } from '../../launcher/home/paths.js';
import { startPostgres } from '../../launcher/postgres/server.js';
import { PROTOCOL } from '../../core/risk/limits.js';
import { freePort } from './free-port.js';
import type { RunningKeelson } from './running-keelson.js';
import { disagreements, readWitness } from './witness.js';

const SETTLE_LIMIT_MS = 120_000;
/** The venue's minimum of one order, in the quote asset. */
const DUST_NOTIONAL = 5;

/**
 * Pauses the account `main` through the API, as a person would, and lets the venue's prices stand: nothing is traded from
 * then on but what was on its way. Waits until every order has ended but the stops, and each position has its own or is dust.
 */
export async function pauseAndSettle(home: string, keelson: RunningKeelson, limitMs: number = SETTLE_LIMIT_MS): Promise<void> {
  const { addresses } = JSON.parse(readFileSync(homePaths(home).runFile, 'utf8')) as {
    addresses: { api: string; venue: { admin: string } };
  };
  const headers = {
    authorization: `Bearer ${readFileSync(homePaths(home).ownerKey, 'utf8').trim()}`,
    'content-type': 'application/json',
  };
  const read = async <T>(path: string): Promise<T> => (await (await fetch(new URL(path, addresses.api), { headers })).json()) as T;
  const body = JSON.stringify({ account: 'main', reason: 'the books are compared' });
  const answer = await fetch(new URL('/v1/control/pause', addresses.api), { method: 'POST', headers, body });
  if (!answer.ok) throw new Error(`pause was answered ${answer.status}: ${await answer.text()}`);
  await keelson.waitFor('the mode', (event) => event.event === 'mode' && event['mode'] === 'paused', 60_000);
  const settled = async (): Promise<void> => {
    const until = performance.now() + limitMs;
    let unsettled: readonly string[] = ['nothing was looked at'];
    while (unsettled.length > 0 && performance.now() < until) {
      const { orders } = await read<{ orders: readonly OpenOrder[] }>('/v1/orders?open=true&limit=200');
      const { positions } = await read<{ positions: readonly Held[] }>('/v1/positions');
      unsettled = [
        ...orders.filter((one) => !isRestingStop(one)).map((one) => `${one.purpose} ${one.status}`),
        ...positions.filter(isBare).map(nameOf),
      ];
      if (unsettled.length > 0) await wait(250);
    }
    if (unsettled.length > 0) throw new Error(`not settled ${limitMs} ms after the pause: ${unsettled.join(', ')}`);
  };
  await settled();
  // A stop that the price reaches while the processes stop would be booked by nobody.
  const instruments = (await (await fetch(new URL('/instruments', addresses.venue.admin))).json()) as readonly { symbol: string }[];
  for (const { symbol } of instruments) await fetch(new URL(`/instruments/${symbol}/halt`, addresses.venue.admin), { method: 'POST' });
  // What was reached a moment before the halt is told within a poll.
  await wait(2 * PROTOCOL.workingOrderPollMs);
  await settled();
}

interface OpenOrder {
  readonly purpose: string;
  readonly status: string;
}

interface Held {
  readonly instrument: string;
  readonly quantity: string;
  readonly mark: string | null;
  readonly stopQuantity: string | null;
}

const isRestingStop = ({ purpose, status }: OpenOrder): boolean => purpose === 'stop' && status === 'accepted';
/** More than dust, and no stop for it. */
const isBare = ({ quantity, mark, stopQuantity }: Held): boolean =>
  stopQuantity === null && Number(quantity) * Number(mark ?? 0) > 2 * DUST_NOTIONAL;
const nameOf = ({ instrument, quantity }: Held): string => `${quantity} ${instrument} without a stop`;

export interface Comparison {
  readonly venueOrders: number;
  readonly venueFills: number;
  /** Orders of the ledger by status and first reason. */
  readonly ledgerOrders: readonly string[];
  readonly incidents: readonly string[];
  readonly disagreements: readonly string[];
}

/** The ledger of a stopped Keelson against the paper venue's own journal, to the last unit. */
export async function compareBooks(home: string): Promise<Comparison> {
  return withLedger(home, async (pool) => {
    const witness = readWitness(homePaths(home).venueJournal, 'main');
    const orders = await pool.query<{ line: string }>(
      `select count(*) || ' ' || concat_ws(' ', status, failures->0->>'code') as line from orders
       group by status, failures->0->>'code' order by 1`,
    );
    const incidents = await pool.query<{ line: string }>(`select kind || ' ' || data::text as line from incidents order by opened_at`);
    return {
      venueOrders: witness.orders.size,
      venueFills: witness.fills.length,
      ledgerOrders: orders.rows.map((row) => row.line),
      incidents: incidents.rows.map((row) => row.line),
      disagreements: await disagreements(pool, 'main', witness),
    };
  });
}

/** The ledger of a stopped Keelson, for as long as it is read. */
export async function withLedger<T>(home: string, read: (pool: pg.Pool) => Promise<T>): Promise<T> {
  const server = await startPostgres({ home: homePaths(home).postgres, port: await freePort() });
  const pool = new pg.Pool({ connectionString: server.url });
  // The server ends right behind the last query: what it says to a connection then is nobody's.
  pool.on('error', () => undefined);
  pool.on('connect', (client) => client.on('error', () => undefined));
  try {
    return await read(pool);
  } finally {
    await pool.end();
    await server.stop();
  }
}
