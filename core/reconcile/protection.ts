import { ZERO, decimal } from '../money/index.js';
import { ownerWorkflowId } from '../protection/position-key.js';
import { NO_DELTAS, type Difference } from './difference.js';
import type { ReconcileRules } from './rules.js';
import type { LedgerSight, Protected, WorkflowSight } from './sight.js';

/**
 * P24: positions against their stops and owners. What the stop should be is said by the owner's own plan, so that the two never
 * quarrel about dust, halts or filters; under a halt it rests, and the kill looks after stops.
 */
export function compareProtection(ledger: LedgerSight, workflows: WorkflowSight | undefined, rules: ReconcileRules): Difference[] {
  return ledger.protected.flatMap((one) =>
    decimal(one.held).eq(decimal(one.filled))
      ? [...stopDifferences(one, rules), ...ownerDifferences(one, workflows, rules)]
      : [damaged(one)],
  );
}

/**
 * A position is what its fills add up to. Where it is kept otherwise the plan of its owner is for something that is not so: nothing of
 * it is repaired, and no owner is woken, since that one would take away the stop of what is held.
 */
function damaged({ key, held, filled, stops }: Protected): Difference {
  return {
    class: 'unknown',
    subject: `position:${key.strategy}:${key.instrument}`,
    fingerprint: `${held} ${filled}`,
    treatment: 'person',
    // Both were read in one statement, and one statement writes both.
    isInFlight: false,
    deltas: NO_DELTAS,
    evidence: { venue: null, ledger: { ...key, kept: held, reckoned: filled, stops } },
  };
}

function stopDifferences(one: Protected, rules: ReconcileRules): Difference[] {
  const what = stopClass(one);
  return what === undefined ? [] : [about(what, one, rules)];
}

function stopClass({ step, held }: Protected): Difference['class'] | undefined {
  if (step.kind === 'placeStop') return 'positionWithoutStop';
  if (step.kind !== 'cancel') return undefined;
  if (step.because === 'secondStop') return 'twoStops';
  if (step.because !== 'wrongQuantity') return undefined;
  return decimal(held).gt(ZERO) ? 'wrongStopQuantity' : 'stopWithoutPosition';
}

function ownerDifferences(one: Protected, workflows: WorkflowSight | undefined, rules: ReconcileRules): Difference[] {
  if (workflows === undefined || !decimal(one.held).gt(ZERO)) return [];
  const { step } = one;
  // Dust is pooled with what comes, and whoever buys more starts an owner; under a halt the kill is one.
  if (step.kind === 'done' || (step.kind === 'rest' && (step.because === 'dust' || step.because === 'killed'))) return [];
  return workflows.owners.has(ownerWorkflowId(one.key)) ? [] : [about('positionWithoutOwner', one, rules)];
}

function about(what: Difference['class'], { key, held, stops, step, unchangedMs }: Protected, rules: ReconcileRules): Difference {
  // Two stops, or one for nothing, are ended by the owner too; that they came to be is for a person to hear of when they stay.
  const treatment = what === 'twoStops' || what === 'stopWithoutPosition' ? 'secondLook' : 'repair';
  return {
    class: what,
    subject: ownerWorkflowId(key),
    fingerprint: JSON.stringify([held, stops]),
    treatment,
    isInFlight: unchangedMs < rules.inFlightMs,
    deltas: NO_DELTAS,
    evidence: { venue: null, ledger: { ...key, held, stops, step } },
    repair: { kind: 'wakeOwner', key },
  };
}

/** Workflows for which nothing is left to do, and which have had the time to see it. */
export function orphanedWorkflows(workflows: WorkflowSight | undefined, rules: ReconcileRules): Difference[] {
  return (workflows?.running ?? [])
    .filter(({ isNeeded, startedMs }) => !isNeeded && startedMs >= rules.idleWorkflowMs)
    .map(({ workflowId }) => ({
      class: 'orphanedWorkflow',
      subject: workflowId,
      fingerprint: '',
      treatment: 'secondLook',
      isInFlight: false,
      deltas: NO_DELTAS,
      evidence: { venue: null, ledger: { running: workflowId, inTheBooks: null } },
    }));
}
