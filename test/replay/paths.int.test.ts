import { Worker } from '@temporalio/worker';
import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { prepareNamespace } from '../../launcher/temporal/namespace.js';
import { Places } from '../support/places.js';
import { temporalIfAny } from '../support/temporal.js';
import { workflowBundle } from '../support/trading-stack.js';
import { endedAtLocalActivities, stepsOf, storeHistory } from './histories.js';
import { openPaths, PATHS, type Paths } from './paths.js';

const ENDS: Readonly<Record<string, string>> = {
  'signalToOrder.filled': 'filled',
  'signalToOrder.closed': 'filled',
  'signalToOrder.denied': 'denied',
  'signalToOrder.abandoned': 'denied',
  'signalToOrder.abandonedAuthorised': 'expired',
  'signalToOrder.refusedAtSubmit': 'expired',
  'signalToOrder.submitFailed': 'expired',
  'signalToOrder.unknownFound': 'filled',
  'signalToOrder.unknownNotPlaced': 'notPlaced',
  'signalToOrder.rejected': 'rejected',
  'signalToOrder.expiredUnfilled': 'expired',
  'signalToOrder.triedAgain': 'filled',
  'signalToOrder.rested': 'canceled',
  'signalToOrder.requoted': 'canceled',
  'signalToOrder.replaced': 'canceled',
  'settleOrder.expiredUnsent': 'expired',
  'settleOrder.notPlaced': 'notPlaced',
  'runbook.signed': 'completed',
  'runbook.aborted': 'aborted',
  'runbook.waited': 'completed',
  'scheduledRunbook.completed': 'completed',
};

/** Steps by which a path is known, in this order; others may lie between them. */
const SHOWS: Readonly<Record<string, readonly string[]>> = {
  'signalToOrder.triedAgain': ['enter', 'enter'],
  'signalToOrder.requoted': ['enter', 'enter', 'tend'],
  'signalToOrder.replaced': ['enter', 'tend', 'enter', 'tend'],
  'protectPosition.exit': ['authoriseStop', 'submit', 'authoriseExit', 'withdraw', 'authoriseExit', 'submit'],
  'protectPosition.stopFilled': ['authoriseStop', 'submit', 'look'],
  'protectPosition.gapped': ['authoriseStop', 'submit', 'withdraw', 'authoriseEscape', 'submit'],
  'protectPosition.escaped': ['authoriseStop', 'submit', 'authoriseEscape', 'submit'],
  'protectPosition.exitTriedAgain': ['authoriseExit', 'submit', 'resolve', 'authoriseExit', 'submit'],
  'protectPosition.stopDenied': ['authoriseStop', 'authoriseStop', 'authoriseStop', 'page', 'authoriseStop', 'submit'],
  'reconcileAccount.secondLook': ['reconcile', 'reconcile'],
  'reconcileAccount.failed': ['reconcile', 'reconcileFailed'],
  'killSwitch.tightened': ['killVerify', 'killConclude', 'killVerify', 'killVerify', 'killConclude', 'killRelease'],
  'protectPosition.escapesRefused': [
    'authoriseStop',
    'submit',
    'authoriseEscape',
    'submit',
    'authoriseEscape',
    'submit',
    'authoriseEscape',
  ],
  'protectPosition.escapeStuck': ['authoriseStop', 'authoriseEscape', 'authoriseEscape', 'page', 'authoriseEscape', 'submit'],
  'protectPosition.exitSentAway': ['withdraw', 'authoriseExit', 'submit', 'authoriseExit', 'submit', 'authoriseExit', 'submit'],
  'protectPosition.exitInParts': ['authoriseStop', 'page', 'authoriseExit', 'submit', 'authoriseExit', 'submit', 'authoriseExit', 'submit'],
  'protectPosition.exitGuarded': ['authoriseStop', 'authoriseExit', 'authoriseExit', 'page', 'authoriseExit', 'withdraw'],
  'protectPosition.exitAbandoned': ['authoriseStop', 'abandon', 'authoriseStop', 'submit', 'authoriseExit', 'submit'],
  'protectPosition.venueClosed': ['authoriseStop', 'page', 'authoriseStop', 'submit'],
  'protectPosition.exitTooLate': ['withdraw', 'authoriseExit', 'submit', 'authoriseExit', 'submit', 'authoriseExit', 'submit'],
  'protectPosition.exitTooOld': [
    'authoriseStop',
    'withdraw',
    'authoriseExit',
    'page',
    'authoriseStop',
    'submit',
    'authoriseExit',
    'submit',
  ],
  'protectPosition.stopRefused': [...Array<string[]>(3).fill(['authoriseStop', 'submit']).flat(), 'page', 'authoriseStop', 'submit'],
  'protectPosition.filtersChanged': ['authoriseStop', 'withdraw', 'authoriseStop', 'submit', 'authoriseExit'],
  'protectPosition.contradicted': ['authoriseStop', 'submit', 'look', 'page', 'look', 'authoriseExit'],
  'protectPosition.resized': ['authoriseStop', 'withdraw', 'authoriseStop', 'withdraw', 'authoriseStop', 'submit', 'authoriseExit'],
  'protectPosition.twoStops': ['authoriseStop', 'submit', 'page', 'withdraw', 'authoriseExit'],
  'protectPosition.dust': ['look', 'look', 'authoriseStop', 'submit'],
  'runbook.waited': ['runbookPart', 'runbookTell', 'runbookPart', 'runbookEnd'],
  'planRunbook.planned': ['runbookPreview'],
  'refreshCalendar.read': ['calendarRefresh'],
};

/** Each waits for a place as well. */
const LIMIT_MS = 1_800_000;

const temporal = await temporalIfAny();

/**
 * With RECORD_HISTORIES=1 the histories of this version are written anew (CONTRIBUTING, workflow changes). Then only are those paths
 * taken that need thousands of events: their histories are replayed in every run.
 */
const isRecording = process.env['RECORD_HISTORIES'] === '1';

/**
 * Most of the time they wait for windows and pauses. Owners of positions are named after their account, which is the same everywhere:
 * each place has a namespace of its own.
 */
const places = new Places<Paths>({
  most: isRecording ? 1 : 3,
  async open() {
    if (temporal === undefined) throw new Error('there is no Temporal server');
    if (isRecording) return openPaths(temporal);
    const namespace = `paths-${randomUUID()}`;
    await prepareNamespace({ address: temporal.address, namespace });
    return openPaths({ ...temporal, namespace });
  },
  close: (paths) => paths.close(),
});

describe.skipIf(temporal === undefined)('every path of every workflow, taken now', { timeout: LIMIT_MS, concurrent: true }, () => {
  it.each(isRecording ? PATHS : PATHS.filter((path) => !path.endsWith('.continued')))('%s ends as it should, and replays', async (name) => {
    const { history, status } = await places.run((paths) => paths.take(name));
    expect(status).toBe(ENDS[name]);
    expect(missedSteps(stepsOf(history), SHOWS[name] ?? [])).toEqual([]);
    await Worker.runReplayHistory({ workflowBundle: await workflowBundle() }, history);
    // What is decided on a local activity is the same where another worker comes to it from the end of a task.
    await Worker.runReplayHistory({ workflowBundle: await workflowBundle() }, endedAtLocalActivities(history));
    if (isRecording) storeHistory(`${version()}/${name}`, history);
  });
});

/** Those of the wanted steps that do not follow on the ones before them. */
function missedSteps(taken: readonly string[], wanted: readonly string[]): readonly string[] {
  const rest = [...wanted];
  for (const step of taken) if (step === rest[0]) rest.shift();
  return rest;
}

function version(): string {
  const read = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as { readonly version: string };
  return read.version;
}
