import type { OutboxStore } from '../../../activities/ports/outbox.js';
import type { Owners } from '../../../activities/ports/owners.js';
import type { MarketStore, OrderStore } from '../../../activities/ports/store.js';
import type { OrderSender, VenueReader, VenueStreams } from '../../../activities/ports/venue.js';
import type { Point, Purpose } from '../programs/point.js';
import type { Crash, Fault } from './crash.js';
import type { RoleName } from './program.js';

type When = Point['when'];

/** While what a role comes to a call. */
interface Way {
  readonly role: RoleName;
  readonly phase: Crash['phase'];
  readonly of?: Purpose;
  readonly fault?: Fault;
  /** Only where entries rest and are canceled. */
  readonly resting?: boolean;
  /** Which of its times belong to every test run, where that is not all of its kind's: the others are the long form's. */
  readonly inTests?: readonly When[];
}

interface CallPoints {
  /**
   * `write`: what is lost or done twice here doubles or loses an order; these points are part of every test run. `note`: written, and no
   * order depends on it.
   */
  readonly kind: 'write' | 'note' | 'read' | 'stream';
  readonly ways: readonly Way[];
}

type Calls<Name extends string, Port> = Readonly<Record<`${Name}.${keyof Port & string}`, CallPoints>>;

const way = (role: RoleName, phase: Crash['phase'], more: Omit<Way, 'role' | 'phase'> = {}): Way => ({ role, phase, ...more });
const ENTRY = way('trading', 'open');
const STOP = way('guardian', 'open');
const EXIT = way('guardian', 'close');
/** An entry whose reply is lost, and a stop: they are looked up. */
const LOST_ENTRY = way('trading', 'open', { fault: 'dropReply' });
const LOST_STOP = way('guardian', 'open', { fault: 'dropReply' });
const RESTING = way('trading', 'open', { resting: true });
/** What has happened to a stop while nobody was there is found by whoever starts, and the stop placed anew, or its fill booked. */
const STOP_CANCELED = way('guardian', 'start', { fault: 'stopCanceled', inTests: [] });
const STOP_FILLED = way('guardian', 'start', { fault: 'stopFilled', inTests: [] });
/** The same while it runs. */
const STOP_GOES = way('guardian', 'held', { fault: 'stopCanceled' });
const STOP_SELLS = way('guardian', 'held', { fault: 'stopFilled', of: 'stop' });
/** What is held escapes, since the venue refuses its stop. */
const ESCAPE = way('guardian', 'open', { fault: 'stopReached', of: 'escape' });
/** The stop that is in the way of a larger one, and that one. */
const RESIZED = way('guardian', 'more', { of: 'stop' });
const TRADING_START = way('trading', 'start', { inTests: ['after'] });
const GUARDIAN_START = way('guardian', 'start', { inTests: ['after'] });

const inTests = (one: Way, ...times: readonly When[]): Way => ({ ...one, inTests: times });

/**
 * Every call of the ports on the way of an order, with the ways to it. A port that grows has a type error here until it says how it is
 * come to. What a kill, a reconciliation and the account watch write besides is ended in their own suites (`test/faults/kill`,
 * `guardian-runbooks.int.test.ts`): orders that they place go through the same ledger and sender.
 */
export const CALLS: Calls<'store', OrderStore> &
  Calls<'sender', OrderSender> &
  Calls<'reader', VenueReader> &
  Calls<'streams', VenueStreams> &
  Calls<'market', MarketStore> &
  Calls<'outbox', Omit<OutboxStore, 'listen'>> &
  Calls<'owners', Owners> = {
  'store.readRisk': { kind: 'read', ways: [ENTRY, EXIT] },
  'store.authorise': {
    kind: 'write',
    ways: [ENTRY, STOP, EXIT, STOP_CANCELED, inTests(ESCAPE, 'after'), inTests(RESIZED, 'after')],
  },
  // An entry that the trading program begins itself; the two before it are for what a workflow comes to.
  'store.authoriseAndBegin': { kind: 'write', ways: [ENTRY] },
  'store.recordUntraded': { kind: 'write', ways: [way('trading', 'open', { fault: 'unauthorised' })] },
  'store.beginSubmit': { kind: 'write', ways: [ENTRY, STOP, EXIT, STOP_CANCELED, inTests(ESCAPE, 'after'), inTests(RESIZED)] },
  'store.order': { kind: 'read', ways: [ENTRY, STOP, EXIT] },
  'store.orderByVenueIds': { kind: 'read', ways: [ENTRY, STOP, EXIT] },
  'store.changeOrder': {
    kind: 'write',
    ways: [
      // That a cancel is wished is written before the request for it: the end of the one is the beginning of the other.
      // The guardian hears of an entry as well, and whoever is quicker writes its state: the long form waits until it is the trading
      // worker. That a reply is lost, and that a cancel is wished, is nobody's to write but the trading worker's.
      inTests(ENTRY, 'after'),
      STOP,
      EXIT,
      { ...LOST_ENTRY, of: 'entry' },
      inTests({ ...RESTING, of: 'entry' }, 'before'),
      STOP_CANCELED,
      inTests(ESCAPE),
      inTests(RESIZED, 'before', 'after'),
    ],
  },
  // Before each cancel, between the wish and the request: both have points of their own.
  'store.checkEpoch': { kind: 'read', ways: [RESTING] },
  // Of an exit whose first order was refused, or sold but a part.
  'store.boughtSince': { kind: 'read', ways: [] },
  'store.position': { kind: 'read', ways: [ENTRY, EXIT] },
  'store.bookFill': { kind: 'write', ways: [ENTRY, EXIT, inTests(STOP_FILLED, 'after'), STOP_SELLS, ESCAPE] },
  'store.isBooked': { kind: 'read', ways: [ENTRY, STOP, EXIT] },
  'store.whyWithdrawn': { kind: 'read', ways: [RESTING] },
  'store.watchedOrders': { kind: 'read', ways: [STOP] },
  'store.openIncident': { kind: 'write', ways: [way('guardian', 'open', { fault: 'refuse' })] },
  'store.tellEpisodes': { kind: 'note', ways: [way('guardian', 'start')] },
  'sender.submit': {
    kind: 'write',
    ways: [ENTRY, STOP, EXIT, inTests(STOP_CANCELED, 'after'), inTests(ESCAPE, 'during'), inTests(RESIZED, 'during')],
  },
  'reader.instruments': { kind: 'read', ways: [way('trading', 'start'), way('guardian', 'start')] },
  'reader.bars': { kind: 'read', ways: [way('trading', 'start')] },
  'reader.clock': { kind: 'read', ways: [way('trading', 'start'), way('guardian', 'start')] },
  'reader.lastPrice': { kind: 'read', ways: [EXIT] },
  // Asked for by halts alone, each round of which is begun again.
  'reader.lastPrices': { kind: 'read', ways: [] },
  'reader.book': { kind: 'read', ways: [EXIT] },
  // Asked for by runbooks alone, each part of which is begun again by its own frame.
  'reader.keyPermissions': { kind: 'read', ways: [] },
  'reader.balances': { kind: 'read', ways: [STOP] },
  'reader.lookUp': { kind: 'read', ways: [LOST_ENTRY, LOST_STOP, EXIT] },
  // Of orders by another hand, by a comparison.
  'reader.lookUpByNumber': { kind: 'read', ways: [] },
  // By the comparison that each guardian begins with.
  'reader.openOrders': { kind: 'read', ways: [way('guardian', 'start')] },
  'reader.fills': { kind: 'read', ways: [way('guardian', 'start')] },
  // Of trades by another hand, by a comparison.
  'reader.paidFee': { kind: 'read', ways: [] },
  'reader.fillsOfOrder': { kind: 'read', ways: [LOST_ENTRY] },
  'reader.cancel': { kind: 'write', ways: [RESTING, EXIT, inTests(RESIZED, 'during', 'after')] },
  'streams.watchBars': { kind: 'stream', ways: [way('trading', 'start')] },
  'streams.watchAccount': { kind: 'stream', ways: [way('guardian', 'start')] },
  'market.saveBars': { kind: 'write', ways: [ENTRY] },
  'market.lastBars': { kind: 'read', ways: [way('trading', 'start')] },
  'market.newestHoles': { kind: 'read', ways: [way('trading', 'start')] },
  // The paper venue lacks no bar of its own, so that there is nothing to note (bars.int.test.ts).
  'market.noteAbsent': { kind: 'note', ways: [] },
  'market.saveInstruments': { kind: 'write', ways: [TRADING_START, inTests(GUARDIAN_START, 'before')] },
  // A sample of the account watch, which has no bearing on an order: the next one takes its place.
  'market.saveSnapshot': { kind: 'note', ways: [STOP] },
  // In a claim there are often no rows: with rows, its end is the moment before an owner is woken.
  'outbox.claim': { kind: 'write', ways: [inTests(STOP)] },
  'outbox.finish': { kind: 'write', ways: [STOP] },
  'owners.exit': { kind: 'write', ways: [way('trading', 'close')] },
  'owners.wake': { kind: 'write', ways: [inTests(STOP, 'before')] },
  // Of a position without a stop, by the account's stream; beside the guardian that was told of the fill.
  'owners.revive': { kind: 'note', ways: [] },
  'owners.tell': { kind: 'write', ways: [inTests(STOP_GOES, 'before')] },
};

export interface Chosen extends Crash {
  readonly resting: boolean;
}

/** Every crash there is: each way to each call, before it, while it is under way, and after it. */
export function everyCrash(): readonly Chosen[] {
  return Object.entries(CALLS).flatMap(([call, { kind, ways }]) => ways.flatMap((one) => crashesOf(call, one, timesOf(kind))));
}

/** Those of every test run: what writes, before and after; and the requests to the venue while they are under way. */
export function chosenCrashes(): readonly Chosen[] {
  return Object.entries(CALLS).flatMap(([call, { kind, ways }]) =>
    kind === 'write' ? ways.flatMap((one) => crashesOf(call, one, one.inTests ?? testTimesOf(call))) : [],
  );
}

function crashesOf(call: string, { role, phase, of, fault, resting = false }: Way, times: readonly When[]): Chosen[] {
  const one = { role, phase, call, resting, ...(of === undefined ? {} : { of }), ...(fault === undefined ? {} : { fault }) };
  return times.map((when) => spoiled({ ...one, when }));
}

/** A stream has no end to be killed after, and begins with its call. */
function timesOf(kind: CallPoints['kind']): readonly When[] {
  return kind === 'stream' ? ['before', 'during'] : ['before', 'during', 'after'];
}

function testTimesOf(call: string): readonly When[] {
  // Before the send there is nothing but the row that allows it: that point is the end of `beginSubmit`.
  if (call === 'sender.submit') return ['during', 'after'];
  return call === 'reader.cancel' ? ['before', 'during', 'after'] : ['before', 'after'];
}

/** A send is under way for as long as its reply stays away. */
function spoiled(crash: Chosen): Chosen {
  return crash.call === 'sender.submit' && crash.when === 'during' && crash.fault === undefined
    ? { ...crash, fault: 'stallHeaders' }
    : crash;
}
