import { randomUUID } from 'node:crypto';
import { setTimeout as wait } from 'node:timers/promises';
import pg from 'pg';
import { expect, it, vi } from 'vitest';
import type { KillDependencies } from '../../activities/kill/dependencies.js';
import { killDirectly } from '../../activities/kill/direct.js';
import { createKillActivities } from '../../activities/kill/index.js';
import { createOrderActivities } from '../../activities/order/index.js';
import { createReconcileNow } from '../../activities/reconcile/index.js';
import { createKillStore } from '../../adapters/store/kill-store.js';
import { copyBefore, haltCopy, markAsCopy, putInPlace } from '../../db/copies.js';
import { approvedRearm, seedPerson } from '../support/people.js';
import { ACCOUNT } from '../support/trading-stack.js';
import { disagreements } from '../support/witness.js';
import { benchOf, openBenchAccount, type BenchAccount } from './bench-account.js';
import { withdrawStop } from './cases.js';

// A busy machine takes its time; nothing here depends on how long it is.
vi.setConfig({ testTimeout: 600_000 });
const MOST_ROUNDS = 20;

interface Story {
  readonly before?: (bench: BenchAccount) => Promise<unknown>;
  readonly afterTheCopy: (bench: BenchAccount) => Promise<unknown>;
}

const addressOf = (url: string, database: string): string => Object.assign(new URL(url), { pathname: `/${database}` }).href;
async function within<T>(url: string, work: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}

/** The database is copied as before an upgrade, the account trades on, and the copy is put back by the statements of `keelson restore`. */
async function restored({ before, afterTheCopy }: Story, work: (now: BenchAccount, then: BenchAccount) => Promise<void>): Promise<void> {
  const bench = await openBenchAccount();
  const { url } = bench.stack.database;
  const name = new URL(url).pathname.slice(1);
  const kept = `${name}_replaced`;
  try {
    await within(addressOf(url, 'postgres'), async (admin) => {
      const open = (): Promise<unknown> => admin.query(`alter database ${name} allow_connections true`);
      /** As where nothing runs: what is connected is sent away, and comes back by itself when it may. */
      const close = async (): Promise<void> => {
        await admin.query(`alter database ${name} allow_connections false`);
        await admin.query('select pg_terminate_backend(pid, 10000) from pg_stat_activity where datname = $1', [name]);
      };
      await before?.(bench);
      expect(await bench.cycle()).toMatchObject({ result: 'clean' });
      await close();
      const copy = await copyBefore(admin, name, '20991231000000_next', (draft) => within(addressOf(url, draft), markAsCopy));
      await open();
      await afterTheCopy(bench);
      expect(await bench.cycle()).toMatchObject({ result: 'clean' });
      await within(addressOf(url, copy), (client) => haltCopy(client, []));
      await close();
      await putInPlace(admin, copy, name, kept);
      await open();
    });
    // Temporal starts empty: nobody owns anything yet.
    const now = await benchOf(await bench.stack.reopened(), [], undefined, 1_000_000);
    try {
      await work(now, bench);
    } finally {
      await now.stack.close();
    }
  } finally {
    await bench.close();
    await within(addressOf(url, 'postgres'), (admin) => admin.query(`drop database if exists ${kept} with (force)`));
  }
}

const killParts = ({ stack: { dependencies, pool, protection } }: BenchAccount): KillDependencies =>
  ({
    ...dependencies,
    kills: createKillStore(pool),
    protection,
    newId: randomUUID,
    clock: Date.now,
    pause: () => wait(50),
  }) as unknown as KillDependencies;

/** The halt of the restore, until the venue shows its target twice, or as long as it does not show so many stops of the books. */
async function halted(bench: BenchAccount, stopsNotShown = 0): Promise<void> {
  const over = new AbortController();
  let rounds = 0;
  const { unverified } = await killDirectly(killParts(bench), ACCOUNT, {
    scope: { scope: 'everything' },
    say: () => undefined,
    stopping: over.signal,
    looked: async () => void ((rounds += 1) === MOST_ROUNDS && over.abort()),
  });
  const notShown = { kind: 'stop', because: expect.stringMatching(/^the venue does not show stop:/) as string };
  expect(unverified).toMatchObject(Array<object>(stopsNotShown).fill(notShown));
}

/** Two people end each halt, and one lets the account go on. */
async function ended(bench: BenchAccount): Promise<void> {
  const { pool } = bench.stack.database;
  const keys = { rik: await seedPerson(pool, 'rik', ['risk']), olga: await seedPerson(pool, 'olga', ['risk']) };
  const { rows: latches } = await pool.query<{ id: string }>('select latch_id::text as id from latches where released_at is null');
  expect(latches).not.toEqual([]);
  const { rows: incidents } = await pool.query<{ id: string }>('select incident_id::text as id from incidents where closed_at is null');
  const activities = createKillActivities(killParts(bench), createReconcileNow(bench.dependencies));
  for (const { id } of latches) {
    const requestId = await approvedRearm(
      pool,
      id,
      keys,
      incidents.map((one) => one.id),
    );
    await halted(bench);
    expect(await activities.killRelease(id, requestId)).toEqual({ kind: 'released' });
  }
  expect(await bench.cycle()).toMatchObject({ result: 'clean' });
  expect(await bench.resume()).toMatchObject({ result: 'applied', mode: 'normal' });
}

const open = async (bench: BenchAccount): Promise<readonly { id: string; class: string; ours: boolean | null; rests: boolean }[]> =>
  (
    await bench.stack.pool.query<{ id: string; class: string; ours: boolean | null; rests: boolean }>(
      `select difference_id::text as id, class, (evidence->'ledger'->>'looksLikeOurs')::boolean as ours,
         jsonb_typeof(evidence->'venue'->'order') = 'object' as rests from reconciliation_differences where status = 'open' order by difference_id`,
    )
  ).rows;
/** Of the account at the venue, by client order id. */
const stopsAtVenue = async ({ stack }: BenchAccount): Promise<readonly string[]> =>
  (await stack.venue.reader.openOrders()).filter(({ side }) => side === 'sell').map(({ clientOrderId }) => clientOrderId);
const rowsOf = async (bench: BenchAccount, what: string): Promise<unknown[]> => (await bench.stack.pool.query(what)).rows;
const STOPS = `select client_order_id as id from orders where purpose = 'stop' and status = 'accepted'`;
/** Orders that the ledger does not have, because they were placed after the copy and are over, are no difference any more. */
const differing = async (bench: BenchAccount): Promise<readonly string[]> =>
  (await disagreements(bench.stack.database.pool, ACCOUNT, bench.stack.witness())).filter((one) => !one.startsWith('orphaned: '));

it('P31: a position whose stop was placed after the copy keeps that stop: it is known as ours, adopted by a person, and the ledger is the venue’s', async () => {
  const story: Story = {
    before: (bench) => bench.buy(),
    async afterTheCopy(bench) {
      await withdrawStop(bench);
      await bench.protect();
    },
  };
  await restored(story, async (now, then) => {
    // Whoever is left of before changes nothing.
    const signal = then.stack.signal('open', then.nextBar());
    await expect(createOrderActivities(then.stack.dependencies).authorise(signal)).rejects.toThrow('restored since the work began');
    expect(now.stack.dependencies.epoch).toBe(then.stack.dependencies.epoch + 1);
    expect(await now.mode()).toBe('paused');
    const [stop, ...others] = await stopsAtVenue(now);
    expect(others).toEqual([]);

    // The stop that the copy knows of is gone.
    await halted(now, 1);
    expect(await stopsAtVenue(now)).toEqual([stop]);
    expect(await now.cycle('demand')).toMatchObject({ result: 'differences' });
    const [lost, ...more] = await open(now);
    expect([lost, more]).toEqual([{ id: lost?.id, class: 'orphanOrder', ours: true, rests: true }, []]);
    // No halt ends before a person has decided.
    expect(await now.resume()).toMatchObject({ result: 'notReconciled' });
    expect(await now.decide(lost?.id ?? '', 'adopt', { strategy: 'momentum' })).toEqual({ result: 'done' });
    expect(await now.cycle('demand')).toMatchObject({ result: 'clean' });
    await ended(now);

    // Its new owner finds it as it should be.
    await now.protect();
    expect(await stopsAtVenue(now)).toEqual([stop]);
    expect(await rowsOf(now, STOPS)).toEqual([{ id: stop }]);
    expect(await now.cycle()).toMatchObject({ result: 'clean' });
    expect(await differing(now)).toEqual([]);
  });
});

it('P31: what was bought after the copy is booked by a person beside our positions, its stop goes, and the ledger is the venue’s', async () => {
  await restored({ afterTheCopy: (bench) => bench.buy() }, async (now) => {
    await halted(now);
    // The stop of something that is in no books stays until people have decided.
    expect(await stopsAtVenue(now)).toHaveLength(1);
    expect(await now.cycle('demand')).toMatchObject({ result: 'differences' });
    const found = await open(now);
    expect(found).toMatchObject([
      { class: 'orphanOrder', rests: false },
      { class: 'orphanOrder', rests: true, ours: true },
    ]);
    const [bought, stop] = found.map(({ id }) => id);
    for (const id of [bought, stop])
      expect(await now.decide(id ?? '', 'adopt', { strategy: 'momentum' })).toMatchObject({ result: 'impossible' });
    expect(await now.decide(bought ?? '', 'book')).toEqual({ result: 'done' });
    expect(await now.decide(stop ?? '', 'cancel')).toEqual({ result: 'done' });
    expect(await now.cycle('demand')).toMatchObject({ result: 'clean' });
    await ended(now);
    expect(await stopsAtVenue(now)).toEqual([]);
    expect(await rowsOf(now, 'select from positions where quantity > 0')).toEqual([]);
    expect(await differing(now)).toEqual([]);
  });
});

it('P31: an entry that was placed after the copy goes with the halt of the restore, and its strategy trades anew', async () => {
  await restored({ afterTheCopy: (bench) => bench.rest() }, async (now) => {
    await halted(now);
    expect(await now.stack.venue.reader.openOrders()).toEqual([]);
    expect(await now.cycle('demand')).toMatchObject({ result: 'clean' });
    await ended(now);
    await now.buy();
    expect(await stopsAtVenue(now)).toHaveLength(1);
    expect(await now.cycle()).toMatchObject({ result: 'clean' });
    expect(await differing(now)).toEqual([]);
  });
});
