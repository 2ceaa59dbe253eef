import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fillOf, seedOf, unitFills } from '../../test/support/fills.js';
import { Decimal, ZERO, text, type DecimalText } from '../money/index.js';
import { dayIn, dayOfTime, type Day } from './day.js';
import { Sums, postingsOf } from './double-entry.js';
import { equitySeries } from './equity.js';
import { entriesOf } from './position.js';
import { Rebuild, type StoredLedger, type StoredPosting } from './rebuild.js';
import { slippageOf } from './slippage.js';
import { StatementOfDay, type BookedMovement } from './statement.js';

const seed = seedOf('entries and statements');

const movements = fc.array(
  fc
    .record({
      kind: fc.constantFrom('deposit' as const, 'withdrawal' as const, 'transfer' as const, 'correction' as const),
      asset: fc.constantFrom('BTC', 'USDT', 'EUR'),
      amount: fc.integer({ min: -1_000_000, max: 1_000_000 }),
      at: fc.integer({ min: 0, max: 40 }),
    })
    .map(({ kind, asset, amount, at }): BookedMovement => ({
      ...{ movementId: 'm', kind, asset, amount: new Decimal(amount).div(1_000), eventTime: at * 1_000 },
    })),
  { maxLength: 10 },
);
const stored = (changes: Parameters<typeof postingsOf>[0]): StoredPosting[] =>
  postingsOf(changes).map((one) => ({ ...one, delta: text(one.delta) }));

describe('entries', () => {
  it('of any sequence of fills, fees, movements and transfers sum to zero for each asset', () => {
    fc.assert(
      fc.property(unitFills, movements, (fills, moved) => {
        const sums = new Sums();
        const venue = new Map<string, bigint>();
        const count = (asset: string, thousandths: bigint) => venue.set(asset, (venue.get(asset) ?? 0n) + thousandths);
        const postings = [
          ...fills.flatMap((fill, index) => postingsOf(entriesOf(fillOf(fill, index)))),
          ...moved.flatMap(({ kind, asset, amount }) => postingsOf([{ kind, asset, delta: amount }])),
        ];
        for (const { asset, delta } of postings) sums.add(asset, delta);
        expect(sums.entries()).toEqual([]);
        // What the venue holds is counted once more in whole thousandths, from what was traded and moved.
        for (const { side, units, price, fee, feeAsset } of fills) {
          const sign = side === 'buy' ? 1n : -1n;
          count('BTC', sign * BigInt(units) * 1_000n);
          count('USDT', -sign * BigInt(units * price) * 1_000n);
          count(feeAsset, BigInt(-fee) * 1_000n);
        }
        for (const { asset, amount } of moved) count(asset, BigInt(amount.mul(1_000).toFixed()));
        const held = new Sums();
        for (const { ledgerAccount, asset, delta } of postings) if (ledgerAccount === 'venue') held.add(asset, delta);
        for (const [asset, thousandths] of venue) expect(held.of(asset).mul(1_000).toFixed()).toBe(thousandths.toString());
      }),
      { seed },
    );
  });
});

describe('the statement of a day', () => {
  const day: Day = { day: '1970-01-01', zone: 'UTC', from: 10_000, until: 20_000 };

  it('explains every asset: what was there and what came and went is what is there', () => {
    fc.assert(
      fc.property(unitFills, movements, (fills, moved) => {
        const statementOf = (one: Day) => {
          const statement = new StatementOfDay(one, { USDT: new Decimal(1_000) });
          fills.forEach((fill, index) => statement.addFill(fillOf(fill, index)));
          for (const movement of moved) statement.addMovement(movement);
          return statement.result();
        };
        const [before, during, everything] = [
          statementOf({ ...day, from: 0, until: day.from }),
          statementOf(day),
          statementOf({ ...day, from: 0, until: day.until }),
        ];
        const of = (statement: typeof during, asset: string) => statement.lines.find((line) => line.asset === asset);
        for (const line of during.lines) {
          expect(line.opening.eq(of(before, line.asset)?.closing ?? ZERO)).toBe(true);
          expect(line.closing.eq(of(everything, line.asset)?.closing ?? ZERO)).toBe(true);
          const { opening, trade, fee, deposit, withdrawal, transfer, correction } = line;
          const sum = [trade, fee, deposit, withdrawal, transfer, correction].reduce((total, part) => total.plus(part), opening);
          expect(line.closing.eq(sum)).toBe(true);
        }
        // Days that follow each other add up.
        for (const whole of everything.results) {
          const parts = [before, during].map((one) => one.results.find((part) => part.strategy === whole.strategy)?.realizedFifo ?? ZERO);
          expect(parts.reduce((sum, part) => sum.plus(part), ZERO).eq(whole.realizedFifo ?? ZERO)).toBe(true);
          expect(whole.realizedFifo === undefined).toBe(whole.strategy === null);
        }
      }),
      { seed },
    );
  });
});

describe('a day', () => {
  it.each([
    ['2026-11-26', 'UTC', '2026-11-26T00:00:00.000Z', 24],
    ['2026-03-29', 'Europe/Madrid', '2026-03-28T23:00:00.000Z', 23],
    ['2026-10-25', 'Europe/Madrid', '2026-10-24T22:00:00.000Z', 25],
    ['2026-07-01', 'Asia/Kathmandu', '2026-06-30T18:15:00.000Z', 24],
    // Midnight itself does not exist there on that day.
    ['2026-09-06', 'America/Santiago', '2026-09-06T04:00:00.000Z', 23],
  ])('%s in %s begins at %s and has %i hours', (day, zone, from, hours) => {
    const found = dayIn(day, zone);
    expect([new Date(found?.from ?? 0).toISOString(), ((found?.until ?? 0) - (found?.from ?? 0)) / 3_600_000]).toEqual([from, hours]);
    expect([dayOfTime(found?.from ?? 0, zone), dayOfTime((found?.until ?? 0) - 1, zone)]).toEqual([day, day]);
    expect(dayOfTime((found?.from ?? 0) - 1, zone)).not.toBe(day);
  });

  it('that no calendar has is none, nor is one of no zone', () => {
    expect(['2026-02-30', '2026-1-1', 'today'].map((day) => dayIn(day, 'UTC'))).toEqual([undefined, undefined, undefined]);
    expect([dayIn('2026-01-01', 'Nowhere/City'), dayOfTime(0, 'Nowhere/City')]).toEqual([undefined, undefined]);
  });
});

describe('what is derived beside it', () => {
  const d = (value: number): Decimal => new Decimal(value);

  it('equity in longer stretches keeps what was first, last, highest and lowest', () => {
    const point = (time: number, ...[opening, highest, lowest, closing]: [number, number, number, number]) => ({
      time,
      ...{ opening: d(opening), highest: d(highest), lowest: d(lowest), closing: d(closing) },
    });
    const series = equitySeries([point(0, 10, 12, 9, 11), point(60, 11, 15, 11, 14), point(130, 14, 14, 13, 13)], 120);
    expect(series.map(({ time, opening, highest, lowest, closing }) => [time, opening, highest, lowest, closing].join(' '))).toEqual([
      '0 10 15 9 14',
      '120 14 14 13 13',
    ]);
  });

  it('slippage is what an execution cost more than a price, whichever its side', () => {
    const told = (side: 'buy' | 'sell', notional: number) => {
      const found = slippageOf({ side, quantity: d(2), notional: d(notional) }, d(100));
      return [found?.bps.toFixed(), found?.cost.toFixed()];
    };
    expect([told('buy', 201), told('sell', 201), told('sell', 198)]).toEqual([
      ['50', '1'],
      ['-50', '-1'],
      ['100', '2'],
    ]);
    expect(slippageOf({ side: 'buy', quantity: d(2), notional: d(200) }, undefined)).toBeUndefined();
    expect(slippageOf({ side: 'buy', quantity: ZERO, notional: ZERO }, d(100))).toBeUndefined();
  });
});

describe('a rebuild', () => {
  const fills = [
    fillOf({ side: 'buy', units: 2, price: 100, fee: 1, feeAsset: 'BNB', strategy: 'momentum' }, 1),
    fillOf({ side: 'buy', units: 3, price: 90, fee: 0, feeAsset: 'USDT', strategy: null }, 2),
  ];
  const deposit: BookedMovement = { movementId: 'm', kind: 'deposit', asset: 'USDT', amount: new Decimal(7), eventTime: 0 };
  const amounts = (found: Readonly<Record<string, string>>) => found as Readonly<Record<string, DecimalText>>;
  const ledger: StoredLedger = {
    positions: [
      { strategy: 'momentum', instrument: 'BTC/USDT', ...{ quantity: '2', cost: '200', realizedPnl: '0' } },
    ] as unknown as StoredLedger['positions'],
    positionSums: amounts({ 'momentum BTC/USDT': '2.0' }),
    balances: amounts({ BTC: '2', USDT: '-200.000', BNB: '-1' }),
    moved: amounts({ BTC: '3', USDT: '-263', BNB: '0' }),
    opening: amounts({ USDT: '1000' }),
    auditedOpening: amounts({ USDT: '1000' }),
    sums: amounts({
      ...{ 'venue BTC': '5', 'trading BTC': '-5', 'venue USDT': '-463', 'trading USDT': '470', 'external USDT': '-7' },
      ...{ 'venue BNB': '-1', 'fees BNB': '1' },
    }),
    orders: [],
  };
  const rebuilt = (postings = (index: number) => stored(entriesOf(fills[index] as (typeof fills)[0]))): Rebuild => {
    const rebuild = new Rebuild();
    fills.forEach((fill, index) => rebuild.addFill(fill, postings(index)));
    rebuild.addMovement(deposit, stored([{ kind: 'deposit', asset: 'USDT', delta: deposit.amount }]));
    return rebuild;
  };

  it('of what is stored rightly finds nothing', () => {
    expect(rebuilt().differences(ledger)).toEqual([]);
  });

  it.each([
    [{ balances: amounts({ ...ledger.balances, BTC: '2.1' }) }, { what: 'balance', of: 'BTC', stored: '2.1', rebuilt: '2' }],
    [{ moved: amounts({ ...ledger.moved, EUR: '1' }) }, { what: 'inventory', of: 'EUR', stored: '1', rebuilt: '0' }],
    [{ opening: amounts({ USDT: '900' }) }, { what: 'opening', of: 'USDT', stored: '900', rebuilt: '1000' }],
    [{ sums: amounts({ ...ledger.sums, 'fees BNB': '2' }) }, { what: 'entries', of: 'fees BNB', stored: '2', rebuilt: '1' }],
    [{ orders: [{ intentId: 'i1', stored: '1', rebuilt: '2' }] }, { what: 'order', of: 'i1', stored: '1', rebuilt: '2' }],
    [{ positionSums: amounts({}) }, { what: 'positionSum', of: 'momentum BTC/USDT', stored: '0', rebuilt: '2' }],
    [{ positions: [] }, { what: 'position', of: 'momentum BTC/USDT quantity', stored: '0', rebuilt: '2' }],
  ] as unknown as [Partial<StoredLedger>, object][])('names what differs: %j', (damaged, difference) => {
    expect(rebuilt().differences({ ...ledger, ...damaged })).toContainEqual(difference);
  });

  it('names the fill whose entries are not its own', () => {
    const found = rebuilt((index) => (index === 0 ? [] : stored(entriesOf(fills[1] as (typeof fills)[0])))).differences(ledger);
    expect(found).toMatchObject([{ what: 'fill', of: 'BTC/USDT trade 1 of order v1', stored: 'no entries' }]);
  });
});
