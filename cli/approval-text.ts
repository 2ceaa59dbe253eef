import type { ApprovalRequest } from '../api/read/approvals.js';
import { askedText } from '../core/people/asked-text.js';
import { shownPlan } from '../core/runbook/shown-plan.js';
import type { Plan } from '../core/runbook/spec.js';
import { planLines } from './plan-text.js';
import { timeText } from './terminal.js';

/** What came with later builds is left out by an API of a build before. */
export type ShownRequest = Omit<ApprovalRequest, 'detail' | 'mode' | 'expectedVersion'> &
  Partial<Pick<ApprovalRequest, 'detail' | 'mode' | 'expectedVersion'>>;

/** How far a request is, or what has come of it: nobody looks for what "used" may mean, or takes an approval for what it was given for. */
export function stateText({ action, state, detail = null, decisions }: ShownRequest): string {
  const why = detail === null ? '' : `: ${detail}`;
  const isAgreed = decisions.some(({ decision }) => decision === 'approved');
  switch (state) {
    case 'used':
      if (action === 'rearm') return 'approved, and the halt has ended';
      return action === 'runbook' ? `approved and begun${why === '' ? '' : `; the run is ${detail ?? ''}`}` : 'approved and carried out';
    case 'approved':
      return `approved, not carried out yet${why}`;
    case 'lapsed':
      return `${isAgreed ? 'approved, but came to nothing' : 'lapsed'}${why}`;
    case 'expired':
      return isAgreed ? 'approved, but came to nothing: its time was over before it was carried out' : 'expired';
    case 'overtaken':
      return isAgreed ? 'approved, but came to nothing: overtaken' : 'overtaken';
    case 'pending':
    case 'refused':
      return state;
  }
}

/** The whole of what is decided, for whoever is about to: nothing that the payload holds is left out. */
export function requestLines(request: ShownRequest): readonly string[] {
  const { action, payload, requestedBy, createdTime, reason, expiresTime, expectedVersion } = request;
  const plan = action === 'runbook' ? (payload['plan'] as Plan | undefined) : undefined;
  const incidents = Array.isArray(payload['incidents']) ? payload['incidents'].map(String) : [];
  return [
    askedText(request),
    `asked by ${requestedBy} at ${timeText(createdTime)} UTC: ${reason}`,
    `lapses at ${timeText(expiresTime)} UTC unless it is decided before`,
    ...(expectedVersion === undefined || expectedVersion === null
      ? []
      : [`decided on version ${expectedVersion} of the account: on any other nothing is done`]),
    ...(typeof payload['policy'] === 'string' ? [`the halt’s policy is ${payload['policy']}`] : []),
    ...(action === 'rearm' ? [`incidents left open with it: ${incidents.join(', ') || 'none'}`] : []),
    ...(plan === undefined ? [] : [`plan ${String(payload['planSha256'])}:`, ...planLines(shownPlan(plan))]),
  ];
}
