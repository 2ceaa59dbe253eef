import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { temporalIfAny } from '../../support/temporal.js';
import { report, type Time } from './report.js';
import { openServers, type CrashServers } from './servers.js';
import { nameOfStall, stallOnce, type Stall } from './stall.js';
import { IN_PARTS, Worlds } from './worlds.js';

const WORLDS = 2;
const LIMIT_MS = 1_800_000;

const ENTRY = { role: 'trading', phase: 'open' } as const;
const STOP = { role: 'guardian', phase: 'open' } as const;
const EXIT = { role: 'guardian', phase: 'close' } as const;
/** The rest of an entry fills: the stop of its first part makes way for a larger one. */
const RESIZED = { role: 'guardian', phase: 'more', of: 'stop' } as const;
/** What is held escapes, since the venue refuses its stop. */
const ESCAPE = { role: 'guardian', phase: 'open', fault: 'stopReached', of: 'escape' } as const;
const BEFORE_SOCKET = { when: 'after', call: 'store.beginSubmit' } as const;
/** An entry that the program trades itself. */
const AT_ONCE = { call: 'store.authoriseAndBegin' } as const;
const IN_POST = { when: 'during', call: 'sender.submit' } as const;

const STALLS: readonly Stall[] = [
  { ...ENTRY, ...BEFORE_SOCKET },
  { ...ENTRY, ...AT_ONCE, when: 'after' },
  { ...STOP, ...BEFORE_SOCKET },
  { ...EXIT, ...BEFORE_SOCKET },
  { ...ENTRY, ...AT_ONCE, when: 'after', latch: true },
  { ...STOP, ...BEFORE_SOCKET, latch: true },
  { ...ENTRY, when: 'before', call: 'store.beginSubmit', latch: true },
  { ...ENTRY, ...IN_POST },
  { ...STOP, ...IN_POST },
  { ...EXIT, ...IN_POST },
  { ...ENTRY, when: 'during', call: 'store.authorise' },
  { ...STOP, when: 'during', call: 'store.authorise' },
  { ...ENTRY, when: 'during', call: 'store.beginSubmit' },
  { ...STOP, when: 'during', call: 'store.beginSubmit' },
  { ...EXIT, when: 'during', call: 'store.beginSubmit' },
  { ...ENTRY, ...AT_ONCE, when: 'during' },
  { ...ENTRY, ...AT_ONCE, when: 'during', latch: true },
  { ...ENTRY, when: 'during', call: 'store.bookFill' },
  { ...ENTRY, when: 'during', call: 'store.changeOrder' },
  { ...EXIT, when: 'during', call: 'store.changeOrder' },
  { ...EXIT, when: 'during', call: 'store.authorise' },
  { ...EXIT, when: 'during', call: 'store.bookFill', of: 'exit' },
  { ...STOP, when: 'during', call: 'store.changeOrder', of: 'stop' },
  // The stop's cancel, for the exit that it is in the way of.
  { ...EXIT, when: 'during', call: 'reader.cancel', of: 'stop' },
  { ...EXIT, ...BEFORE_SOCKET, latch: true },
  { ...EXIT, ...IN_POST, latch: true },
  { ...ENTRY, when: 'during', call: 'store.recordUntraded', fault: 'unauthorised' },
  { ...ESCAPE, when: 'during', call: 'store.authorise' },
  { ...ESCAPE, when: 'during', call: 'store.beginSubmit' },
  { ...ESCAPE, ...IN_POST },
  { ...RESIZED, when: 'during', call: 'store.changeOrder' },
  { ...RESIZED, when: 'before', call: 'reader.cancel' },
  { ...RESIZED, when: 'during', call: 'reader.cancel' },
  { ...RESIZED, when: 'during', call: 'store.authorise' },
  { ...RESIZED, when: 'during', call: 'store.beginSubmit' },
  { ...RESIZED, ...BEFORE_SOCKET },
  { ...RESIZED, ...IN_POST },
  { ...RESIZED, ...BEFORE_SOCKET, latch: true },
];

const temporal = await temporalIfAny();

describe.skipIf(temporal === undefined)('a worker that is stopped, and goes on when another has taken over', () => {
  let servers: CrashServers;
  let worldsOf: (stall: Stall) => Worlds;
  const times: Time[] = [];

  beforeAll(async () => {
    servers = await openServers(temporal?.address ?? '');
    const [worlds, inParts] = [new Worlds(servers, WORLDS), new Worlds(servers, 1, IN_PARTS)];
    worldsOf = ({ phase }) => (phase === 'more' ? inParts : worlds);
  });
  afterAll(async () => {
    console.info(report('from the stop until another had brought the account to rest', times));
    await servers?.close();
  });

  // All at once: each waits for a world that is free.
  it.concurrent.each(STALLS.map((stall) => [nameOfStall(stall), stall] as const))(
    'P6, P8, P9: %s',
    { timeout: LIMIT_MS },
    async (name, stall) => {
      const { resolvedMs, restartMs, windowOverSinceMs, ...found } = await worldsOf(stall).run((crew) => stallOnce(crew, stall));
      expect(windowOverSinceMs).toBeGreaterThan(0);
      expect(found).toEqual({ sentAfterwards: [], admittedAfterLatch: [], disagreements: [] });
      times.push({ name, ms: resolvedMs, restartMs });
    },
  );
});
