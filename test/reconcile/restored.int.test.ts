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
import { MARKET } from '../../core/execution/policy.js';
import type { DecimalText } from '../../core/money/index.js';
import { ACCOUNT, INSTRUMENT, openTradingStack } from '../support/trading-stack.js';
import { disagreements } from '../support/witness.js';
import { benchOf, type BenchAccount } from './bench-account.js';
import { foreign, withdrawStop } from './cases.js';

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
  // Entries are told by the bars that closed before them.
  const bench = await benchOf(await openTradingStack(), [], undefined, Math.floor(Date.now() / 1_000) * 1_000 - 60_001);
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
    const now = await benchOf(await bench.stack.reopened(), [], undefined, bench.nextBar() + 100_000);
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
    expect(now.stack.dependencies.epoch).toBeGreaterThan(then.stack.dependencies.epoch);
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

/** What is told of a purchase after the copy and of the stop that rests for it, in this order, once the halt has been carried out. */
async function purchaseAndStop(now: BenchAccount): Promise<readonly [bought: string, stop: string]> {
  await halted(now);
  // The stop of something that is in no books stays until people have decided.
  expect(await stopsAtVenue(now)).toHaveLength(1);
  expect(await now.cycle('demand')).toMatchObject({ result: 'differences' });
  const found = await open(now);
  expect(found).toMatchObject([
    { class: 'orphanOrder', rests: false, ours: true },
    { class: 'orphanOrder', rests: true, ours: true },
  ]);
  return [found[0]?.id ?? '', found[1]?.id ?? ''];
}

it('P31: what a strategy bought after the copy is its position again by one decision, with the stop that rests for it', async () => {
  await restored({ afterTheCopy: (bench) => bench.buy() }, async (now) => {
    const [bought, stop] = await purchaseAndStop(now);
    // The stop alone protects nothing that is known.
    expect(await now.decide(stop, 'adopt', { strategy: 'momentum' })).toMatchObject({ result: 'impossible' });
    expect(await now.decide(bought, 'adopt', { strategy: 'another' })).toMatchObject({ result: 'impossible' });
    const before = await stopsAtVenue(now);
    expect(await now.decide(bought, 'adopt', { strategy: 'momentum' })).toEqual({ result: 'done' });
    expect(await now.decide(bought, 'adopt', { strategy: 'momentum' })).toEqual({ result: 'done' });
    expect(await rowsOf(now, 'select status, decision from reconciliation_differences order by difference_id')).toEqual(
      Array(2).fill({ status: 'decided', decision: 'adopt' }),
    );
    expect(await rowsOf(now, STOPS)).toEqual(before.map((id) => ({ id })));
    expect(await now.cycle('demand')).toMatchObject({ result: 'clean' });
    // It has the name of the signal that made it: that signal makes no second one.
    const entry = await rowsOf(
      now,
      `select intent_id ~ ':open:1$' as named, status, reserved_notional = 0 as free from orders where purpose = 'entry'`,
    );
    expect(entry).toEqual([{ named: true, status: 'filled', free: true }]);
    await ended(now);
    await now.protect();
    expect(await stopsAtVenue(now)).toEqual(before);
    expect(await rowsOf(now, `select unprotected_positions('${ACCOUNT}') as without`)).toEqual([{ without: [] }]);
    expect(await now.cycle()).toMatchObject({ result: 'clean' });
    expect(await differing(now)).toEqual([]);
  });
});

it('P31: two purchases are adopted together, for one stop is for both', async () => {
  const twice = async (bench: BenchAccount): Promise<void> => {
    const { stack } = bench;
    const steps = createOrderActivities(stack.dependencies);
    const signal = stack.signal('open', bench.nextBar());
    let executed = '0' as DecimalText;
    for (const [attempt, notional] of [
      [1, '500'],
      [2, '1000'],
    ] as const) {
      stack.ledger.workEntries(ACCOUNT, { execution: MARKET, sizing: { kind: 'fixedNotional', notional: notional as DecimalText } });
      const entered = await steps.enter(signal, { attempt, executed });
      if (entered.kind !== 'recorded') throw new Error(`not entered: ${JSON.stringify(entered)}`);
      executed = entered.order.executedQuantity;
    }
    await bench.protect();
  };
  await restored({ afterTheCopy: twice }, async (now) => {
    await halted(now);
    await now.cycle('demand');
    const [first] = await open(now);
    const before = await stopsAtVenue(now);
    expect(await now.decide(first?.id ?? '', 'adopt', { strategy: 'momentum' })).toEqual({ result: 'done' });
    expect(await open(now)).toEqual([]);
    expect(await now.cycle('demand')).toMatchObject({ result: 'clean' });
    await ended(now);
    await now.protect();
    expect(await stopsAtVenue(now)).toEqual(before);
    expect(await differing(now)).toEqual([]);
  });
});

it('P31: a purchase without its stop is adopted, and its owner places one', async () => {
  await restored({ afterTheCopy: (bench) => bench.buy() }, async (now) => {
    const { reader } = now.stack.venue;
    for (const stop of await stopsAtVenue(now)) await reader.cancel(INSTRUMENT, stop);
    await halted(now);
    await now.cycle('demand');
    const [bought, ...more] = await open(now);
    expect(more).toEqual([]);
    expect(await now.decide(bought?.id ?? '', 'adopt', { strategy: 'momentum' })).toEqual({ result: 'done' });
    // Under the halt, too: what is held there the halt keeps a stop for.
    await halted(now);
    expect(await stopsAtVenue(now)).toHaveLength(1);
    expect(await now.cycle('demand')).toMatchObject({ result: 'clean' });
    expect(await differing(now)).toEqual([]);
  });
});

it('P31: a purchase is adopted only once it is decided what else rests to sell there', async () => {
  await restored({ afterTheCopy: (bench) => bench.buy() }, async (now) => {
    const stops = await stopsAtVenue(now);
    await foreign(now, { side: 'sell', price: '60000' });
    await now.cycle('demand');
    const [bought, ...others] = await open(now);
    const byHand = others.find(({ ours }) => ours === false);
    expect(await now.decide(bought?.id ?? '', 'adopt', { strategy: 'momentum' })).toEqual({
      result: 'impossible',
      why: expect.stringContaining(`difference ${byHand?.id} has to be decided first`) as string,
    });
    // Nothing of it is done.
    expect(await rowsOf(now, 'select from orders')).toEqual([]);
    expect(await open(now)).toHaveLength(3);
    expect(await now.decide(byHand?.id ?? '', 'cancel')).toEqual({ result: 'done' });
    await now.cycle('demand');
    expect(await now.decide(bought?.id ?? '', 'adopt', { strategy: 'momentum' })).toEqual({ result: 'done' });
    expect(await rowsOf(now, STOPS)).toEqual(stops.map((id) => ({ id })));
  });
});

it('P31: what was bought by another hand, or may have been sold since, is no position of a strategy', async () => {
  await restored({ afterTheCopy: (bench) => bench.buy() }, async (now) => {
    await foreign(now, { price: '51000' });
    await now.cycle('demand');
    const whys = async (): Promise<unknown[]> => {
      const refused = [];
      for (const { id, ours, rests } of await open(now))
        if (!rests) refused.push([ours, (await now.decide(id, 'adopt', { strategy: 'momentum' })).why]);
      return refused;
    };
    const byHand = expect.stringContaining('no name of an entry') as string;
    await foreign(now, { side: 'sell', price: '49000' });
    await now.cycle('demand');
    expect(await whys()).toEqual([
      [true, expect.stringContaining('was sold there since')],
      [false, byHand],
      [false, expect.stringContaining('it has sold')],
    ]);
    // Nor once that is booked.
    const [, , sold] = (await open(now)).filter(({ rests }) => !rests);
    expect(await now.decide(sold?.id ?? '', 'book')).toEqual({ result: 'done' });
    await now.cycle('demand');
    expect(await whys()).toEqual([
      [true, expect.stringContaining('was sold there since')],
      [false, byHand],
    ]);
    expect(await rowsOf(now, 'select from orders')).toEqual([]);
  });
});

it('P31: what was bought after the copy is booked by a person beside our positions, its stop goes, and the ledger is the venue’s', async () => {
  await restored({ afterTheCopy: (bench) => bench.buy() }, async (now) => {
    const [bought, stop] = await purchaseAndStop(now);
    expect(await now.decide(bought, 'book')).toEqual({ result: 'done' });
    expect(await now.decide(stop, 'cancel')).toEqual({ result: 'done' });
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
