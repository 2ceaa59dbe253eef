import type { RestReason } from '../protection/plan.js';
import type { Finding } from './verify.js';

/** People are told when nothing is verified after this long, and then again and again. */
const FIRST_ESCALATION_MS = 30_000;
const ESCALATION_MS = 300_000;

const FIRST_WAIT_MS = 250;
/** A venue that comes back is not kept waiting; one that wants not to be asked is not. */
const LONGEST_WAIT_MS = 3_000;
/** As often as what is verified is looked at: what a person has to clear up is not cleared up sooner by looking. */
const PERSONS_WAIT_MS = 20_000;

/** Whether people are to be told, once more, that a halt is not verified, epoch ms. Pure. */
export function isEscalationDue(now: number, told: Told): boolean {
  return untilEscalationMs(now, told) <= 0;
}

interface Told {
  readonly since: number;
  readonly escalations: number;
}

/** How long it is until then; below zero, how long it is due. Pure. */
export function untilEscalationMs(now: number, { since, escalations }: Told): number {
  return since + FIRST_ESCALATION_MS + escalations * ESCALATION_MS - now;
}

/**
 * How long a halt that is not verified waits before it is tried again. Pure.
 * @param failed rounds in a row that have not verified it
 * @param escalations how often people were told
 */
export function waitMs(failed: number, finding: Finding, escalations: number): number {
  const longest = escalations > 0 && isAllForPeople(finding) ? PERSONS_WAIT_MS : LONGEST_WAIT_MS;
  return lookAgainMs(Math.min(FIRST_WAIT_MS * 2 ** Math.min(failed - 1, 10), longest), finding);
}

/** How long it is until the next look, which comes after so long where the venue allows it. Pure. */
export function lookAgainMs(usual: number, { look }: Finding): number {
  return Math.max(usual, look?.restMs ?? 0);
}

/** After how long a halt begins its next round, at the latest: whoever watches it waits a little longer before it does it itself (P26). */
export function againMs(phase: 'running' | 'verified' | 'released', finding: Finding): number {
  return lookAgainMs(phase !== 'running' || isAllForPeople(finding) ? PERSONS_WAIT_MS : LONGEST_WAIT_MS, finding);
}

function isAllForPeople({ unverified }: Finding): boolean {
  return unverified.length > 0 && unverified.every(isForPeople);
}

/** Why a stop is missing where no look brings it back sooner: its instrument does not trade, or the venue refuses it. */
const STOPS_FOR_PEOPLE: readonly string[] = ['halted', 'refused'] satisfies readonly RestReason[];

/** Nothing of ours is left to cancel, to sell or to protect: it is not ours, or nobody can sell it for now. */
function isForPeople(one: Finding['unverified'][number]): boolean {
  switch (one.kind) {
    case 'surplus':
    case 'contradicted':
      return true;
    case 'exposure':
    case 'order':
      return one.because !== undefined;
    case 'stop':
      return STOPS_FOR_PEOPLE.includes(one.because);
    default:
      return false;
  }
}
