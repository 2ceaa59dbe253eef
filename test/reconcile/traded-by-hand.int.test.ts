import { expect, it, vi } from 'vitest';
import { bookFill } from '../../activities/order/evidence.js';
import { unitsOf } from '../../exchange/amount/units.js';
import { ACCOUNT } from '../support/trading-stack.js';
import { openBenchAccount, type BenchAccount } from './bench-account.js';
import { foreign } from './cases.js';

// A busy machine takes its time; nothing here depends on how long it is.
vi.setConfig({ testTimeout: 1_800_000 });

/** The account trades BTC/USDT, and this nowhere. */
const INSTRUMENT = 'BNB/USDT';

const onBench = async (work: (bench: BenchAccount) => Promise<void>): Promise<void> => {
  const bench = await openBenchAccount();
  try {
    expect(await bench.cycle()).toMatchObject({ result: 'clean' });
    await work(bench);
  } finally {
    await bench.close();
  }
};

/** What a person is asked about. */
const asked = async (bench: BenchAccount): Promise<readonly string[]> =>
  (await bench.found()).filter(({ status }) => status === 'open').map((one) => one.class);

const booksAll = async (bench: BenchAccount): Promise<void> => {
  for (const { id, status } of await bench.found())
    if (status === 'open') expect(await bench.decide(id, 'book')).toEqual({ result: 'done' });
  expect(await bench.cycle()).toMatchObject({ result: 'clean' });
};

it('a purchase by hand in what the account does not trade is told as the order that it is, and not as two balances', () =>
  onBench(async (bench) => {
    await foreign(bench, { instrument: INSTRUMENT, price: '510', quantity: '0.2', timeInForce: 'IOC' });
    await bench.cycle();
    expect(await asked(bench)).toEqual(['orphanOrder']);
    await booksAll(bench);
  }));

it('an order by hand that rests there and fills between two looks is not told as gone', () =>
  onBench(async (bench) => {
    // So low that no bar gets there.
    await foreign(bench, { instrument: INSTRUMENT, price: '499', quantity: '0.2' });
    await bench.cycle();
    expect(await asked(bench)).toEqual(['orphanOrder']);
    const none = { type: 'LIMIT', timeInForce: 'GTC', quoteQuantity: 0n, stopPrice: 0n, symbol: 'BNBUSDT' } as const;
    const { paper } = bench.stack;
    // Somebody sells all the way down to it.
    paper.moveBalance('other', 'BNB', unitsOf('6000'));
    paper.engine.place(
      'other',
      { ...none, side: 'SELL', clientOrderId: 'meets-it', price: unitsOf('400'), quantity: unitsOf('5000') },
      paper.now(),
    );
    await bench.cycle();
    const { rows } = await bench.stack.pool.query<{ open: boolean; fills: number }>(
      `select evidence->'venue'->'order' <> 'null' as open, jsonb_array_length(evidence->'venue'->'fills') as fills
         from reconciliation_differences where class = 'orphanOrder'`,
    );
    expect(rows).toEqual([{ open: false, fills: 1 }]);
    expect(await asked(bench)).toEqual(['orphanOrder']);
    await booksAll(bench);
  }));

it('a fill there that the stream has told is taken over by the difference', () =>
  onBench(async (bench) => {
    const { stack } = bench;
    await foreign(bench, { instrument: INSTRUMENT, price: '510', quantity: '0.2', timeInForce: 'IOC' });
    const [fill] = await stack.venue.reader.fills(INSTRUMENT, 0);
    if (fill === undefined) throw new Error('nothing was bought');
    expect(await bookFill(stack.dependencies, ACCOUNT, fill)).toBeUndefined();
    // The first look has it: nothing has to move without a cause before.
    await bench.look();
    expect(await asked(bench)).toEqual(['orphanOrder']);
    expect((await bench.found()).map((one) => one.class)).toEqual(['orphanOrder']);
    const { rows } = await stack.pool.query(`select closed_at is not null as closed from incidents where kind = 'foreignFill'`);
    expect(rows).toEqual([{ closed: true }]);
    await booksAll(bench);
  }));

it('a pair that the venue does not list is nobody’s concern', () =>
  onBench(async (bench) => {
    for (const asset of ['ABC', 'XYZ']) bench.stack.paper.moveBalance('test', asset, 100_000_000n);
    await bench.cycle();
    expect(await asked(bench)).toEqual(['balanceMovement', 'balanceMovement']);
    const { rows } = await bench.stack.pool.query(`select kind from incidents where kind = 'instrumentNotListed'`);
    expect(rows).toEqual([]);
  }));
