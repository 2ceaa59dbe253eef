import { readFileSync } from 'node:fs';
import { setTimeout as wait } from 'node:timers/promises';
import pg from 'pg';
import { homePaths } from '../../launcher/home/paths.js';
import { startPostgres } from '../../launcher/postgres/server.js';
import { freePort } from './free-port.js';
import type { RunningKeelson } from './running-keelson.js';
import { disagreements, readWitness } from './witness.js';

const SETTLE_LIMIT_MS = 60_000;

/** Pauses the account `main` through the API, as a person would, and waits until no order is open. */
export async function pauseAndSettle(home: string, keelson: RunningKeelson): Promise<void> {
  const { addresses } = JSON.parse(readFileSync(homePaths(home).runFile, 'utf8')) as { addresses: { api: string } };
  const headers = {
    authorization: `Bearer ${readFileSync(homePaths(home).ownerKey, 'utf8').trim()}`,
    'content-type': 'application/json',
  };
  const body = JSON.stringify({ account: 'main', reason: 'the books are compared' });
  const answer = await fetch(new URL('/v1/control/pause', addresses.api), { method: 'POST', headers, body });
  if (!answer.ok) throw new Error(`pause was answered ${answer.status}: ${await answer.text()}`);
  await keelson.waitFor('the mode', (event) => event.event === 'mode' && event['mode'] === 'paused', 10_000);
  const until = performance.now() + SETTLE_LIMIT_MS;
  while (performance.now() < until) {
    const status = (await (await fetch(new URL('/v1/status', addresses.api), { headers })).json()) as {
      accounts: { openOrders: number }[];
    };
    if (status.accounts.every((account) => account.openOrders === 0)) return;
    await wait(250);
  }
  throw new Error(`orders stayed open for ${SETTLE_LIMIT_MS} ms after the pause`);
}

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
  const paths = homePaths(home);
  const server = await startPostgres({ home: paths.postgres, port: await freePort() });
  const pool = new pg.Pool({ connectionString: server.url });
  try {
    const witness = readWitness(paths.venueJournal, 'main');
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
  } finally {
    await pool.end();
    await server.stop();
  }
}
