import type { OrderStore } from '../../../activities/ports/store.js';
import type { OrderSender, VenueReader, VenueStreams } from '../../../activities/ports/venue.js';
import type { Point } from '../programs/point.js';
import type { Crash, Fault } from './crash.js';
import type { RoleName } from './program.js';

/** While what a role comes to a call. */
interface Way {
  readonly role: RoleName;
  readonly phase: Crash['phase'];
  readonly fault?: Fault;
  /** Only where entries rest and are canceled. */
  readonly resting?: true;
}

interface CallPoints {
  /** `write`: what is lost or done twice here doubles or loses an order; these points are part of every test run. */
  readonly kind: 'write' | 'read' | 'stream';
  readonly ways: readonly Way[];
}

type Calls<Name extends string, Port> = Readonly<Record<`${Name}.${keyof Port & string}`, CallPoints>>;

const way = (role: RoleName, phase: Crash['phase'], more: Pick<Way, 'fault' | 'resting'> = {}): Way => ({ role, phase, ...more });
const ENTRY = way('trading', 'open');
const STOP = way('guardian', 'open');
const EXIT = way('guardian', 'close');
/** An entry whose reply is lost, and a stop: they are looked up. */
const LOST_ENTRY = way('trading', 'open', { fault: 'dropReply' });
const LOST_STOP = way('guardian', 'open', { fault: 'dropReply' });
const RESTING = way('trading', 'open', { resting: true });
/** What has happened to a stop while nobody was there is found by whoever starts, and the stop placed anew, or its fill booked. */
const STOP_CANCELED = way('guardian', 'start', { fault: 'stopCanceled' });
const STOP_FILLED = way('guardian', 'start', { fault: 'stopFilled' });

/** Every call of the two ports, with the ways to it. A port that grows has a type error here until it says how it is come to. */
export const CALLS: Calls<'store', OrderStore> &
  Calls<'sender', OrderSender> &
  Calls<'reader', VenueReader> &
  Calls<'streams', VenueStreams> = {
  'store.readRisk': { kind: 'read', ways: [ENTRY, EXIT] },
  'store.authorise': { kind: 'write', ways: [ENTRY, STOP, EXIT, STOP_CANCELED] },
  'store.recordUntraded': { kind: 'write', ways: [way('trading', 'open', { fault: 'unauthorised' })] },
  'store.beginSubmit': { kind: 'write', ways: [ENTRY, STOP, EXIT, STOP_CANCELED] },
  'store.order': { kind: 'read', ways: [ENTRY, STOP, EXIT] },
  'store.orderByVenueIds': { kind: 'read', ways: [ENTRY, STOP, EXIT] },
  'store.changeOrder': { kind: 'write', ways: [ENTRY, STOP, EXIT, LOST_ENTRY, RESTING, STOP_CANCELED] },
  'store.position': { kind: 'read', ways: [ENTRY, EXIT] },
  'store.bookFill': { kind: 'write', ways: [ENTRY, EXIT, STOP_FILLED] },
  'store.isBooked': { kind: 'read', ways: [ENTRY, STOP, EXIT] },
  'store.watchedOrders': { kind: 'read', ways: [STOP] },
  'store.openIncident': { kind: 'write', ways: [way('guardian', 'open', { fault: 'refuse' })] },
  'sender.submit': { kind: 'write', ways: [ENTRY, STOP, EXIT, STOP_CANCELED] },
  'reader.instruments': { kind: 'read', ways: [way('trading', 'start'), way('guardian', 'start')] },
  'reader.bars': { kind: 'read', ways: [way('trading', 'start')] },
  'reader.clock': { kind: 'read', ways: [way('trading', 'start'), way('guardian', 'start')] },
  'reader.lastPrice': { kind: 'read', ways: [EXIT] },
  'reader.book': { kind: 'read', ways: [EXIT] },
  // Asked for by runbooks alone, each part of which is begun again by its own frame.
  'reader.keyPermissions': { kind: 'read', ways: [] },
  'reader.balances': { kind: 'read', ways: [STOP] },
  'reader.lookUp': { kind: 'read', ways: [LOST_ENTRY, LOST_STOP, EXIT] },
  // Nobody asks for it yet.
  'reader.openOrders': { kind: 'read', ways: [] },
  'reader.fills': { kind: 'read', ways: [way('guardian', 'start')] },
  'reader.fillsOfOrder': { kind: 'read', ways: [LOST_ENTRY] },
  'reader.cancel': { kind: 'write', ways: [RESTING, EXIT] },
  'streams.watchBars': { kind: 'stream', ways: [way('trading', 'start')] },
  'streams.watchAccount': { kind: 'stream', ways: [way('guardian', 'start')] },
};

export interface Chosen extends Crash {
  readonly resting: boolean;
}

/** Every crash there is: each way to each call, before it, while it is under way, and after it. */
export function everyCrash(): readonly Chosen[] {
  return Object.entries(CALLS).flatMap(([call, { kind, ways }]) =>
    ways.flatMap(({ resting = false, ...one }) => timesOf(kind).map((when) => spoiled({ ...one, call, when, resting }))),
  );
}

/** Those of every test run: what writes, before and after; and the requests to the venue while they are under way. */
export function chosenCrashes(): readonly Chosen[] {
  return everyCrash().filter(({ role, phase, call, when }) => {
    const { kind } = CALLS[call as keyof typeof CALLS];
    // What a start writes goes through the same steps; two of them show that a start is no other.
    if (phase === 'start') return when === 'after' && (call === 'sender.submit' || call === 'store.bookFill');
    // The guardian hears of an entry as well, and whoever is quicker writes its state: the long form waits until it is the
    // trading worker, a test run has the time for the guardian's way there.
    if (role === 'trading' && call === 'store.changeOrder') return false;
    // Before the send there is nothing but the row that allows it: that point is the end of `beginSubmit`.
    if (call === 'sender.submit') return when !== 'before';
    return kind === 'write' && (when !== 'during' || call === 'reader.cancel');
  });
}

/** A stream has no end to be killed after, and begins with its call. */
function timesOf(kind: CallPoints['kind']): readonly Point['when'][] {
  return kind === 'stream' ? ['before', 'during'] : ['before', 'during', 'after'];
}

/** A send is under way for as long as its reply stays away. */
function spoiled(crash: Chosen): Chosen {
  return crash.call === 'sender.submit' && crash.when === 'during' && crash.fault === undefined
    ? { ...crash, fault: 'stallHeaders' }
    : crash;
}
