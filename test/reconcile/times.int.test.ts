import { expect, it, vi } from 'vitest';
import { createLook } from '../../activities/reconcile/look.js';
import type { Venue, VenueFill } from '../../activities/ports/venue.js';
import type { DecimalText } from '../../core/money/index.js';
import { DIFFERENCE_CLASSES } from '../../core/reconcile/difference.js';
import { rulesAt, type ReconcileScope } from '../../core/reconcile/rules.js';
import { randomUUID } from 'node:crypto';
import { Places } from '../support/places.js';
import { ACCOUNT, INSTRUMENT } from '../support/trading-stack.js';
import { openBenchAccount, type BenchAccount } from './bench-account.js';
import { CASES } from './cases.js';
import { seeded } from './seeded.js';

const SEED = Number(process.env['RECONCILE_SEED'] ?? 20_261_126);
// A busy machine takes its time; nothing here depends on how long it is.
vi.setConfig({ testTimeout: 900_000 });
const places = Places.empty(4);
const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;

/** Of each class one case by chance; what only the day's comparison sees is told apart by its name. */
const subset = DIFFERENCE_CLASSES.filter((one) => one !== 'timing').map((what) => {
  const names = Object.keys(CASES).filter((name) => CASES[name]?.class === what && !name.startsWith('books'));
  return [what, names[Math.floor(seeded(SEED, what)() * names.length)] ?? 'none'] as const;
});

it.concurrent.each(subset)(`${SEED}, with the times of production: %s (%s) is found within one cycle`, (what, name) =>
  places.run(async () => {
    const bench = await openBenchAccount([], undefined, rulesAt(300));
    try {
      const one = CASES[name];
      if (one === undefined) throw new Error(`no case of ${what}`);
      await one.make(bench, seeded(SEED, name));
      // A trade that is booked and not listed may only be listed late, and is told when it is a minute old.
      if (what === 'duplicate' || name.startsWith('a fill'))
        await bench.damage(`update fills set event_time = event_time - $1`, [2 * MINUTE_MS]);
      const since = performance.now();
      await bench.cycle();
      const found = await bench.found();
      console.info(
        `${name}: ${found.map(({ seenAs, status }) => `${seenAs} ${status}`).join(', ')} after ${Math.round(performance.now() - since)} ms`,
      );
      // A workflow may end by itself within a minute, and what follows from a repair is the next cycle's.
      const status = one.ends === 'repaired' ? 'repaired' : what === 'orphanedWorkflow' ? 'pending' : 'open';
      expect(found[0]).toMatchObject({ seenAs: what, status });
    } finally {
      await bench.close();
    }
  }),
);

/** The venue, but that it lists its newest fill only when it is `shown`, and then as so much older than it is. */
function listingLate(venue: Venue, late: { isShown: boolean; byMs: number }): Venue {
  const fills = async (instrument: string | undefined, fromTime: number): Promise<readonly VenueFill[]> => {
    const all = await venue.reader.fills(instrument, 0);
    const newest = all.at(-1);
    const listed = all.filter((one) => one !== newest || late.isShown);
    const dated = listed.map((one) => (one === newest ? { ...one, eventTime: one.eventTime - late.byMs } : one));
    return dated.filter(({ eventTime }) => eventTime >= fromTime).toSorted((one, other) => one.eventTime - other.eventTime);
  };
  return { ...venue, reader: { ...venue.reader, fills } };
}

it.concurrent.each([
  ['nine minutes', 9 * MINUTE_MS, 'minute'],
  ['an hour', HOUR_MS, 'hour'],
  ['a day', 24 * HOUR_MS, 'day'],
] as const)(
  'P16: a fill that the venue shows %s late is behind the cursor, and is found by the look that reaches so far',
  (_, byMs, finds) =>
    places.run(async () => {
      const bench = await openBenchAccount();
      try {
        const late = { isShown: false, byMs };
        const venue = listingLate(bench.stack.venue, late);
        const lookAt = createLook({ ...bench.dependencies, venueOf: () => venue });
        const look = (scope: ReconcileScope) => lookAt({ runId: randomUUID(), account: ACCOUNT, scope }, false);
        // The account is older than all that is read.
        await bench.damage(
          `update accounts set onboarded_at = onboarded_at - interval '30 days', created_at = created_at - interval '30 days'`,
        );
        await buyByHand(bench);
        const found = async () => (await bench.found()).filter(({ subject }) => !subject.startsWith('balance')).map((one) => one.class);
        await look('minute');
        const { rows } = await bench.stack.pool.query<{ cursor: string }>('select cursor_time::text as cursor from reconciliations');
        late.isShown = true;
        expect(Number(rows[0]?.cursor)).toBeGreaterThan(Date.now() - byMs);
        for (const scope of ['minute', 'hour', 'day'] as const) {
          await look(scope);
          if (scope === finds) break;
          expect({ scope, found: await found() }).toEqual({ scope, found: [] });
        }
        expect(await found()).toEqual(['orphanOrder']);
      } finally {
        await bench.close();
      }
    }),
);

async function buyByHand(bench: BenchAccount): Promise<void> {
  const terms = { quantity: '0.002' as DecimalText, price: '51000' as DecimalText, signedTimestamp: Date.now(), receiveWindowMs: 10_000 };
  const order = {
    clientOrderId: `by-hand-${bench.nextBar()}`,
    instrument: INSTRUMENT,
    side: 'buy',
    type: 'limit',
    postOnly: false,
  } as const;
  const verdict = await bench.stack.venue.sender.submit({ ...order, ...terms, timeInForce: 'IOC' }, 10_000);
  if (verdict.kind !== 'accepted') throw new Error(`the order by hand is ${verdict.kind}`);
}
