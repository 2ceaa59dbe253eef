import type { OutageFacts } from '../../../core/outage/steady.js';
import { RUNBOOK_SPECS } from '../../../core/runbook/registry.js';
import type { StepSpec } from '../../../core/runbook/spec.js';
import type { AskedRun } from '../../ports/runbook.js';
import { bound, type BoundRunbook, type StepCode } from '../step-code.js';
import { createBringBack, type BringBack, type OutageDependencies } from './bring-back.js';

interface OutageReads {
  readonly outage: (runId: string) => Promise<OutageFacts>;
}
type OutageWrites = { readonly [K in keyof BringBack]: BringBack[K] };

const AT_ONCE_MS = 20_000;
/** Beyond the longest that an account may set for a step: it tells by itself when it is late. */
const WAITS_MS = 13 * 3_600_000;
const common = { isCritical: true, timeoutMs: WAITS_MS, hasUndo: false, signedWithinMs: null };

const step = (spec: Omit<StepSpec, keyof typeof common> & Partial<StepSpec>): StepSpec => ({ ...common, ...spec });

const STEPS: readonly StepCode<OutageReads, OutageWrites>[] = [
  {
    spec: step({ name: 'freeze', title: 'Entries are stopped', timeoutMs: AT_ONCE_MS }),
    action: async ({ runId }, _reads, { freeze }) => (await freeze(runId), null),
    verification: async ({ runId }, { outage }) => {
      const { mode, halt } = await outage(runId);
      return mode === 'paused' || halt !== null ? { isFine: true } : { isFine: false, found: `the account is in mode ${mode}` };
    },
  },
  {
    spec: step({ name: 'reconnect', title: 'The venue answers' }),
    action: async ({ runId }, reads, { reconnect }) => {
      await reconnect(runId);
      return { tries: (await reads.outage(runId)).tries };
    },
  },
  {
    spec: step({ name: 'streams', title: 'Streams, equity and the venue’s clock are as they must be' }),
    action: async ({ runId }, _reads, { settle }) => (await settle(runId), null),
  },
  {
    spec: step({ name: 'reconciliation', title: 'A reconciliation that began after its return has found the account clean' }),
    action: async ({ runId }, _reads, { compare }) => (await compare(runId), null),
  },
  {
    // What keeps it from going on is noted and paged: nothing of the run is left to be done again.
    spec: step({ name: 'resume', title: 'The account goes on, where only the lost venue had stopped it', isCritical: false }),
    action: async ({ runId }, reads, { resume }) => {
      await resume(runId);
      return { account: goesOn(await reads.outage(runId)) };
    },
  },
  {
    spec: step({ name: 'report', title: 'What the outage was is written down', isCritical: false, timeoutMs: AT_ONCE_MS }),
    action: async ({ runId }: AskedRun, reads, { report }) => {
      await report(runId);
      const { outageId, beganTime, overTime, tries } = await reads.outage(runId);
      return { outageId, beganTime, overTime, tries };
    },
  },
];

function goesOn({ resumedTime, halt, mode }: OutageFacts): string {
  if (resumedTime !== null) return 'goes on';
  if (halt !== null) return `stays paused: ${halt}, and two people end it`;
  return mode === 'paused' ? 'stays paused: not only the lost venue has paused it' : 'was let go on by a person';
}

/** Entries stop; the venue is asked until it answers; streams and books are as they must be; only then the account goes on. */
export function venueDisconnected(dependencies: OutageDependencies): BoundRunbook {
  return bound({
    spec: RUNBOOK_SPECS.venueDisconnected,
    steps: STEPS,
    reads: { outage: (runId: string) => dependencies.outages.read(runId) },
    writes: { ...createBringBack(dependencies) },
  });
}
