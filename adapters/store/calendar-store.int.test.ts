import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { createOrderActivities } from '../../activities/order/index.js';
import type { CalendarEvent } from '../../core/calendar/calendar.js';
import { eventually } from '../../test/support/eventually.js';
import { ACCOUNT, INSTRUMENT, openTradingStack, type TradingStack } from '../../test/support/trading-stack.js';
import { createCalendarStore } from './calendar-store.js';
import { readCalendarFacts } from './checks-store.js';
import { HeldRisk } from './held-risk.js';
import { openPool } from './pool.js';

const KEY = { account: ACCOUNT, strategy: 'momentum', instrument: INSTRUMENT };
const SETTINGS = { sourceSha256: 'a', beforeMs: 3_600_000, afterMs: 3_600_000, maxAgeMs: 3_600_000 };
// A busy machine takes its time; nothing here depends on how long it is.
vi.setConfig({ testTimeout: 180_000 });
const by = (start: string | undefined) => ({ start, build: '1.0.0' });
let stack: TradingStack;
let pool: ReturnType<typeof openPool>;
let held: HeldRisk;
beforeAll(async () => {
  stack = await openTradingStack();
  pool = openPool(stack.database.url, { applicationName: 'test' });
  const { store } = stack.dependencies;
  const log = { warn: () => undefined };
  held = await HeldRisk.open({ pool, url: stack.database.url, applicationName: 'held', store, accounts: [ACCOUNT], log });
});
afterAll(async () => {
  await held?.close();
  await pool?.end();
  await stack?.close();
});

const event = (inMs: number, more: Partial<CalendarEvent> = {}): CalendarEvent => ({
  ...{ time: Date.now() + inMs, title: `in ${inMs}`, currency: 'USD', instruments: null, isMarked: true },
  ...more,
});

it('is told to whoever holds the risk state, and an entry near a marked event is denied by its code', async () => {
  const { store } = stack.dependencies;
  const calendar = createCalendarStore(pool);
  const heldOne = async () => (await held.read(KEY)).calendar;
  const decided = async (bar: number): Promise<readonly string[] | string> => {
    const asked = await createOrderActivities({ ...stack.dependencies, risk: { read: (key) => store.readRisk(key) } }).authorise(
      stack.signal('open', bar),
    );
    return asked.kind === 'denied' ? asked.failures.map(({ code }) => code) : asked.kind;
  };
  expect((await store.readRisk(KEY)).calendar).toBeUndefined();
  expect(await readCalendarFacts(pool)).toBeNull();
  // Configured and not read yet: nobody knows what is near.
  await calendar.configure(SETTINGS, by('one'));
  await eventually(async () => expect(await heldOne()).toMatchObject({ refreshedTime: null, windows: [] }), 30_000);
  expect(await decided(1_000)).toEqual(['RISK_CALENDAR_STALE']);
  // Of another source nothing is taken.
  expect(await calendar.save({ sourceSha256: 'b', contentSha256: '1', events: [] })).toBe(false);
  const quiet = [event(86_400_000), event(0, { isMarked: false, title: 'not marked' }), event(0, { instruments: ['ETH/USDT'] })];
  expect(await calendar.save({ sourceSha256: 'a', contentSha256: '1', events: quiet })).toBe(true);
  // Only what may matter before it must be read again.
  await eventually(async () => expect((await heldOne())?.windows.map(({ instruments }) => instruments)).toEqual([['ETH/USDT']]), 30_000);
  expect(await decided(2_000)).toBe('authorised');
  const rates = event(30_000, { title: 'rates' });
  expect(await calendar.save({ sourceSha256: 'a', contentSha256: '2', events: [rates] })).toBe(true);
  await eventually(
    async () =>
      expect((await heldOne())?.windows.filter(({ instruments }) => instruments === null)).toEqual([
        { from: rates.time - 3_600_000, until: rates.time + 3_600_000, time: rates.time, title: 'rates', instruments: null },
      ]),
    30_000,
  );
  expect(await decided(3_000)).toContain('RISK_CALENDAR_EVENT');
  // That it cannot be read is told once, and what was known stays.
  await calendar.failed({ sourceSha256: 'a', failure: 'it is empty' });
  await calendar.failed({ sourceSha256: 'a', failure: 'it is empty' });
  expect(await readCalendarFacts(pool)).toMatchObject({
    failure: 'it is empty',
    maxAgeMs: 3_600_000,
    events: expect.arrayContaining([expect.objectContaining({ title: 'rates' })]),
  });
  const alerts = (isOver: boolean) =>
    stack.pool.query(`select from alerts where kind = 'calendar.unreadable' and (next_at is null) = $1`, [isOver]);
  expect((await alerts(false)).rowCount).toBe(1);
  expect(await calendar.save({ sourceSha256: 'a', contentSha256: '2', events: [rates] })).toBe(true);
  expect((await alerts(true)).rowCount).toBe(1);
  // Another source: what is known is of the old one. And none at all: nothing is blocked.
  await calendar.configure({ ...SETTINGS, sourceSha256: 'b' }, by('two'));
  expect((await store.readRisk(KEY)).calendar).toMatchObject({ refreshedTime: null });
  await calendar.configure(null, by('three'));
  await eventually(async () => expect(await heldOne()).toBeUndefined(), 30_000);
  const { rows } = await stack.pool.query<{ kind: string }>(`select kind from audit_events where kind like 'calendar.%' order by event_id`);
  expect(rows.map(({ kind }) => kind.slice('calendar.'.length))).toEqual([
    ...['configured', 'changed', 'changed', 'configured', 'configured'],
  ]);
});

it('a reading takes no window away: what has just been stays while it stands, and what is to come and listed no more is told, and stays', async () => {
  const calendar = createCalendarStore(pool);
  const kept = async (): Promise<readonly string[]> => {
    const { rows } = await stack.pool.query<{ title: string }>('select title from calendar_events where is_marked order by event_time');
    return rows.map(({ title }) => title);
  };
  let content = 0;
  const reads = (events: readonly CalendarEvent[], sourceSha256 = 'c'): Promise<boolean> =>
    calendar.save({ sourceSha256, contentSha256: `of ${(content += 1)}`, events });
  const told = async (): Promise<readonly string[]> => {
    const { rows } = await stack.pool.query<{ summary: string }>(
      `select summary from alerts where kind = 'calendar.fewer' order by alert_id`,
    );
    return rows.map(({ summary }) => summary.slice(0, summary.indexOf(' UTC')));
  };
  await calendar.configure({ ...SETTINGS, sourceSha256: 'c' }, by('four'));
  const told0 = (await told()).length;
  const [over, justNow, toCome, later] = [
    event(-7_200_000, { title: 'over' }),
    event(-600_000, { title: 'just now' }),
    event(600_000, { title: 'to come' }),
    event(86_400_000, { title: 'later' }),
  ];
  await reads([over, justNow, toCome, later]);
  // A feed of what is to come only: that is no fault.
  await reads([toCome, later]);
  expect(await kept()).toEqual(['just now', 'to come', 'later']);
  expect((await told()).length).toBe(told0);
  // One that is broken: told once, for those that it has left out.
  await reads([]);
  await reads([event(0, { isMarked: false, title: 'nothing of it' })]);
  expect(await kept()).toEqual(['just now', 'to come', 'later']);
  const when = new Date(toCome.time).toISOString().slice(0, 16).replace('T', ' ');
  expect((await told()).slice(told0)).toEqual([
    `The economic calendar lists 2 marked events to come no more, the first of them to come at ${when}`,
  ]);
  // Somebody says that one is none, and the other comes back and goes again.
  await reads([{ ...toCome, isMarked: false }, later]);
  expect(await kept()).toEqual(['just now', 'later']);
  await reads([]);
  expect((await told()).length).toBe(told0 + 2);
  // What another source has said is to come is not known here.
  await calendar.configure({ ...SETTINGS, sourceSha256: 'd' }, by('five'));
  await reads([], 'd');
  expect(await kept()).toEqual(['just now']);
  await calendar.configure(null, by('six'));
});
