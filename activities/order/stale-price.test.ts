import { describe, expect, it } from 'vitest';
import type { DecimalText } from '../../core/money/index.js';
import type { StoredOrder } from '../../core/order/stored-order.js';
import type { TradeSignal } from '../../core/signal/signal.js';
import { KEY, LEDGER, NOW } from '../../test/support/risk-view.js';
import type { AuthoriseInput, OrderStore, ProtectionStore } from '../ports/store.js';
import type { Venue } from '../ports/venue.js';
import { StreamedMarket } from '../streams/live-market.js';
import { createAuthoriseExit } from './authorise-exit.js';
import type { OrderDependencies } from './dependencies.js';
import { createProtection } from './protect.js';
import { AccountQueues } from './write-verdict.js';

const d = (value: string): DecimalText => value as DecimalText;
const BAR_CLOSE = NOW - 60_000;
const SIGNAL: TradeSignal = {
  ...KEY,
  strategyVersion: '1',
  leg: 'close',
  barCloseTime: BAR_CLOSE,
  decidedTime: BAR_CLOSE,
  validUntil: NOW + 60_000,
  referencePrice: d('91'),
  stopDistanceRatio: 0.02,
  features: [],
  reason: 'test',
};

interface Sight {
  /** How old the streamed price of 100 is; absent: none was streamed. */
  readonly streamedMs?: number;
  readonly gap?: boolean;
  /** What the venue answers; absent: it does not. */
  readonly asked?: string;
  /** The close of the newest stored bar. */
  readonly mark?: string;
}

/** What it is sold at, and how often the venue was asked for a price. */
async function seenBy(place: 'escape' | 'exit', { streamedMs, gap = false, asked, mark }: Sight): Promise<readonly [string, number]> {
  const live = new StreamedMarket(() => NOW);
  if (streamedMs !== undefined) live.seePrice(KEY.account, KEY.instrument, d('100'), { seenTime: NOW - streamedMs });
  if (gap) live.seeGap(KEY.account, KEY.instrument, 'reconnected');
  let questions = 0;
  const lastPrice = async (): Promise<DecimalText> => {
    questions += 1;
    if (asked === undefined) throw new Error('away');
    return d(asked);
  };
  const book = (): Promise<never> => Promise.reject(new Error('away'));
  const venue = { reader: { lastPrice, book }, weight: () => ({ kind: 'untold' }) } as unknown as Venue;
  const inputs: AuthoriseInput[] = [];
  const store: Partial<OrderStore> = {
    order: async () => undefined,
    authorise: async (input) => {
      inputs.push(input);
      return { kind: 'written', order: { status: 'authorised', quantity: d('1') } as StoredOrder };
    },
  };
  const protection: Partial<ProtectionStore> = { lastMark: async () => (mark === undefined ? undefined : d(mark)) };
  const ledger = { ...LEDGER, positions: [{ ...KEY, quantity: d('1'), cost: d('100') }] };
  const dependencies = { store, live, venueOf: () => venue, risk: { read: async () => ledger }, epoch: 1, instanceId: 'one' };
  const parts = dependencies as unknown as OrderDependencies;
  const queues = new AccountQueues();
  const verdict =
    place === 'exit'
      ? await createAuthoriseExit(parts, queues)(SIGNAL, 1)
      : await createProtection(parts, protection as ProtectionStore, queues).authoriseEscape(KEY, '1', { sequence: 1, collarBps: 50 });
  expect(verdict).toMatchObject({ kind: 'authorised' });
  const made = inputs[0]?.verdict;
  if (made?.kind !== 'approved') throw new Error('nothing was approved');
  return [made.order.price, questions];
}

describe.each(['escape', 'exit'] as const)('P19: an %s is sold half a percent under the price', (place) => {
  it.each<readonly [string, Sight, readonly [string, number]]>([
    ['streamed within two seconds, and the venue is not asked', { streamedMs: 2_000, asked: '90' }, ['99.5', 0]],
    ['that the venue answers where the streamed one is older', { streamedMs: 600_000, asked: '90' }, ['89.55', 1]],
    ['that the venue answers where the stream has broken', { streamedMs: 10, gap: true, asked: '90' }, ['89.55', 1]],
    ['that the venue answers where the clock was set back', { streamedMs: -5_000, asked: '90' }, ['89.55', 1]],
    ['that the venue answers where none was streamed', { asked: '90', mark: '95' }, ['89.55', 1]],
  ])('%s', async (_, sight, seen) => {
    expect(await seenBy(place, sight)).toEqual(seen);
  });
});

describe('P19: a venue that does not answer', () => {
  it('leaves an escape the streamed price, however old, and without one the last mark', async () => {
    expect(await seenBy('escape', { streamedMs: 600_000, mark: '95' })).toEqual(['99.5', 1]);
    expect(await seenBy('escape', { mark: '95' })).toEqual(['94.53', 1]);
  });

  it('leaves an exit the younger of the streamed price and its signal’s, with a wider collar', async () => {
    expect(await seenBy('exit', { streamedMs: 30_000 })).toEqual(['99', 1]);
    expect(await seenBy('exit', { streamedMs: 600_000 })).toEqual(['90.09', 1]);
    expect(await seenBy('exit', {})).toEqual(['90.09', 1]);
  });
});
