import { RUNBOOK_SPECS } from '../../../core/runbook/registry.js';
import type { DrawdownFacts } from '../../ports/drawdown.js';
import { bound, type BoundRunbook, type StepCode } from '../step-code.js';
import { createLookBack, type DrawdownDependencies, type LookBack } from './look-back.js';

interface DrawdownReads {
  readonly drawdown: (runId: string) => Promise<DrawdownFacts | undefined>;
}
type DrawdownWrites = { readonly [K in keyof LookBack]: LookBack[K] };

const DAY_MS = 86_400_000;
const common = { isCritical: true, timeoutMs: 60_000, hasUndo: false, signedWithinMs: null };

const STEPS: readonly StepCode<DrawdownReads, DrawdownWrites>[] = [
  {
    spec: { ...common, name: 'freeze', title: 'The halt stands over the account' },
    action: async ({ runId }, _reads, { attach }) => (await attach(runId), null),
    verification: async ({ runId }, { drawdown }) => {
      const facts = await drawdown(runId);
      if (facts === undefined) return { isFine: false, found: 'no drawdown has halted this account' };
      return facts.isStanding ? { isFine: true } : { isFine: false, found: 'the halt has been ended' };
    },
  },
  {
    spec: { ...common, name: 'kill', title: 'The halt is verified at the venue', isCritical: false, timeoutMs: 2 * 3_600_000 },
    action: async ({ runId }, _reads, { awaitKill }) => (await awaitKill(runId), null),
  },
  {
    spec: { ...common, name: 'evidence', title: 'The evidence is in a file' },
    action: async ({ runId }, reads, { keepEvidence }) => {
      await keepEvidence(runId);
      return { evidence: (await reads.drawdown(runId))?.evidence ?? null };
    },
  },
  {
    spec: { ...common, name: 'report', title: 'The report says how the loss came about' },
    action: async ({ runId }, reads, { report }) => {
      await report(runId);
      const facts = await reads.drawdown(runId);
      return { incidentId: facts?.incidentId ?? null, totals: facts?.totals ?? null };
    },
  },
  {
    // The halt of a drawdown does not end without it (missing_drawdown_report).
    spec: {
      ...common,
      ...{ name: 'signature', title: 'A person who answers for the risk has read the report', isCritical: false },
      ...{ signedWithinMs: 30 * DAY_MS, signedBy: ['risk'] },
    },
  },
];

/** After a drawdown has halted an account: nothing goes on, what happened is kept, and a person answers for it. */
export function drawdown(dependencies: DrawdownDependencies): BoundRunbook {
  return bound({
    spec: RUNBOOK_SPECS.drawdown,
    steps: STEPS,
    reads: { drawdown: (runId: string) => dependencies.drawdowns.read(runId) },
    writes: { ...createLookBack(dependencies) },
  });
}
