import type { Part } from '../../../activities/ports/runbook.js';
import type { RunbookName } from '../../../core/runbook/spec.js';
import { Chance } from '../matrix/chance.js';
import type { Point } from '../programs/point.js';

type Parts = readonly [Part, ...Part[]];
type Steps = Readonly<Record<string, Parts>>;
type Boundary = Pick<Point, 'when' | 'call'>;

const ACTION = ['action'] as const;
const LOOK = ['verification'] as const;
const DONE_AND_LOOKED_AT = ['action', 'verification'] as const;
const looks = (...names: readonly string[]): Steps => Object.fromEntries(names.map((name) => [name, LOOK]));

/** The steps that have code of their own, and which parts of them have, in the order in which they are taken. */
const PARTS: Readonly<Record<RunbookName, Steps>> = {
  startUp: {
    ...{ entries: DONE_AND_LOOKED_AT, ...looks('dependencies', 'migrations', 'venue', 'keys', 'reconcile') },
    ...{ observation: ACTION, bars: LOOK, trade: ['precondition', 'action', 'verification'] },
  },
  gracefulShutdown: { pause: DONE_AND_LOOKED_AT, entries: DONE_AND_LOOKED_AT, ...looks('stops', 'reconcile', 'report', 'quiet') },
  morningChecks: {
    ...looks('alerts', 'mode', 'streams', 'venue', 'keys', 'reconciliation', 'stops', 'limits', 'disk', 'calendar', 'schedules'),
    ...looks('incidents', 'signature', 'backup'),
  },
  eveningChecks: {
    ...looks('signals', 'orders', 'fills', 'statement', 'reconciliation', 'stops', 'incidents', 'alerts', 'disk'),
    ...looks('signature', 'backup'),
  },
  venueDisconnected: {
    ...{ freeze: DONE_AND_LOOKED_AT, reconnect: ACTION, streams: ACTION, reconciliation: ACTION, resume: ACTION, report: ACTION },
  },
  // The signature that it ends with is a person's alone.
  drawdown: { freeze: DONE_AND_LOOKED_AT, kill: ACTION, evidence: ACTION, report: ACTION },
  reconciliationDiscrepancy: { ...looks('snapshots', 'paused', 'decisions'), clean: DONE_AND_LOOKED_AT, ...looks('resumed', 'report') },
};

/** As they are recorded: `action pause`. */
export const recordsOf = (name: RunbookName): readonly string[] =>
  Object.entries(PARTS[name]).flatMap(([step, parts]) => parts.map((part) => `${part} ${step}`));

/** The part is begun and nothing of it done; all of it is done and nothing of that recorded; it is recorded, and nobody has heard of it. */
const BOUNDARIES: readonly [Boundary, ...Boundary[]] = [
  { when: 'after', call: 'runbooks.beginPart' },
  { when: 'before', call: 'runbooks.endPart' },
  { when: 'after', call: 'runbooks.endPart' },
];
/** What the frame writes of every run beside its parts, and of one that waits for a person. */
const OF_EVERY_RUN = ['runbooks.plan', 'runbooks.begin', 'runbooks.end'];
const OF_A_WAIT = ['runbooks.tell', 'runbooks.call'];
const WAITS: readonly RunbookName[] = ['morningChecks', 'eveningChecks', 'drawdown'];

const kill = { occurrence: 1, signal: 'SIGKILL' } as const;

/** One death in each step: at which boundary of which of its parts, the seed says. */
export function deathInEachStep(name: RunbookName, seed: number): readonly Point[] {
  const chance = new Chance(seed, name);
  return Object.values(PARTS[name]).map((parts, position): Point => ({
    ...chance.pick(BOUNDARIES),
    of: `${position}:${chance.pick(parts)}`,
    ...kill,
  }));
}

/** Every boundary of every part, and before and after whatever else is written of the run. */
export function everyDeath(name: RunbookName): readonly Point[] {
  const inParts = Object.values(PARTS[name]).flatMap((parts, position) =>
    parts.flatMap((part) => BOUNDARIES.map((boundary): Point => ({ ...boundary, of: `${position}:${part}`, ...kill }))),
  );
  const calls = [...OF_EVERY_RUN, ...(WAITS.includes(name) ? OF_A_WAIT : [])];
  return [...inParts, ...calls.flatMap((call) => (['before', 'after'] as const).map((when): Point => ({ when, call, ...kill })))];
}
