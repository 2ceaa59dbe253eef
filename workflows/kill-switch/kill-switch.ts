import {
  allHandlersFinished,
  condition,
  continueAsNew,
  log,
  patched,
  proxyActivities,
  setCurrentDetails,
  setHandler,
  upsertSearchAttributes,
  workflowInfo,
} from '@temporalio/workflow';
import type { KillActivities } from '../../activities/kill/index.js';
import type { KillPhase } from '../../activities/ports/kill.js';
import { isEscalationDue, lookAgainMs, untilEscalationMs, waitMs } from '../../core/kill/pace.js';
import { latchName, type Finding } from '../../core/kill/verify.js';
import type { KillLatch } from '../../core/kill/view.js';
import { SEARCH_ATTRIBUTES } from '../../core/search-attributes.js';
import { KILL_STEP, RECORD, told } from '../activity-options.js';
import { isStepFailure } from '../order/at-once.js';
import { HISTORY_LIMIT } from '../order/settle.js';
import { describeKill } from './details.js';
import { haltChangedSignal, killStateQuery, rearmUpdate, type KillState } from './messages.js';
import { toldMeanwhile } from './overdue.js';
import { Rearms, validateRearm } from './rearms.js';
import { restTold } from './rest.js';

const { killLatches } = proxyActivities<KillActivities>(told(RECORD, 'which latches stand'));
const { killCancel } = proxyActivities<KillActivities>(told(KILL_STEP, 'cancels every open order in scope'));
const { killFlatten } = proxyActivities<KillActivities>(told(KILL_STEP, 'sells what has to go'));
const { killTendStops } = proxyActivities<KillActivities>(told(KILL_STEP, 'keeps a stop for what stays'));
const { killVerify } = proxyActivities<KillActivities>(told(KILL_STEP, 'looks whether the venue shows the target'));
const { killEscalate } = proxyActivities<KillActivities>(told(RECORD, 'tells people that it is not verified yet'));
const { killConclude } = proxyActivities<KillActivities>(told(KILL_STEP, 'writes the evidence, opens the incident'));
const { killTell } = proxyActivities<KillActivities>(told(RECORD, 'writes down how far it is'));

/** Between the two looks that both must find the target (P28). */
const BETWEEN_LOOKS_MS = 1_000;
/**
 * What is verified is looked at again so often, as long as a latch stands: stops that fill, orders that somebody places. A latch
 * over several accounts ends only when no look at any of them is older than a minute.
 */
const STANDING_LOOK_MS = 20_000;

/** What a new run of the same kill goes on with. */
interface Carried {
  readonly state: KillState;
  /** The latches, and the runs without Temporal, whose evidence is written. */
  readonly concluded: string;
}

const NOTHING: Finding = { unverified: [], dust: [], kept: [] };

/**
 * Ends a halt of one account, and owns what it holds as long as a latch stands over it (protocol P25 to P30): cancels in
 * scope, sells or keeps as the policy says, and calls it verified only when ledger and venue show the target twice. A latch
 * that comes meanwhile widens it. It ends when none stands any more. Every step starts from the rows, so a new run, another
 * guardian or the direct command goes on where they are.
 */
export async function killSwitch(account: string, carried: Carried | null = null): Promise<void> {
  let state: KillState = carried?.state ?? {
    ...NOTHING,
    phase: 'running',
    doing: 'beginning',
    since: 0,
    escalations: 0,
    evidence: null,
  };
  let concluded = carried?.concluded ?? '';
  /** Why its evidence could not be written. */
  let unwritten: string | undefined;
  let isChanged = false;
  let looks = 0;
  /** Under which latches, and how strict each was, `looks` was counted. */
  let seenUnder: string | undefined;
  let failed = 0;
  const rearms = new Rearms();
  let latches: readonly KillLatch[] = [];
  /** When the latches were looked at, by the database's clock. */
  let now = 0;
  const show = (change: Partial<KillState>): void => {
    state = { ...state, ...change };
    setCurrentDetails(describeKill(account, latches, state));
  };
  const enter = async (phase: KillPhase, finding: Finding): Promise<void> => {
    if (phase !== state.phase) {
      upsertSearchAttributes({ [SEARCH_ATTRIBUTES.status]: [phase] });
      if (phase === 'running') show({ since: now, escalations: 0 });
    }
    const { look: _, ...seen } = finding;
    show({ ...seen, phase });
    await killTell(account, phase, finding, state.evidence);
  };
  setHandler(haltChangedSignal, () => {
    isChanged = true;
  });
  setHandler(killStateQuery, () => state);
  setHandler(rearmUpdate, (request) => rearms.ask(request), { validator: validateRearm });

  for (;;) {
    isChanged = false;
    const standing = await killLatches(account);
    ({ latches, time: now } = standing);
    if (state.since === 0) show({ since: now });
    if (latches.length === 0) {
      rearms.answerAll({ kind: 'notClean', found: 'no latch stands over the account' });
      await condition(() => isChanged || allHandlersFinished());
      if (isChanged) continue;
      await enter('released', NOTHING);
      // Whatever has come while that was written was given to this run, and to no other one.
      if ((isChanged || !rearms.isEmpty || !allHandlersFinished()) && patched('haltWhileEnding')) continue;
      return;
    }
    if (workflowInfo().historyLength > HISTORY_LIMIT && rearms.isEmpty && allHandlersFinished()) {
      await continueAsNew<typeof killSwitch>(account, { state, concluded });
    }
    const under = latches.map(latchName).join('+');
    const of = [under, ...standing.directs].join('+');
    // What was seen of another halt says nothing about this one: it takes two looks of its own (P28).
    const wasOther = seenUnder !== undefined && seenUnder !== under && patched('looksOfEachHalt');
    const isToldInTime = patched('toldBesideRounds');
    const going = round(account, latches, (doing) => show({ doing }));
    // What was verified is called so until it is known not to be.
    const isWatched = isToldInTime && state.phase === 'running';
    const looked = await (isWatched ? toldMeanwhile(going, () => untilEscalationMs(now, state), escalateMeanwhile) : going);
    // One that was called while this round went on was not carried out by it, and may have been looked at all the same.
    const came = looked.look?.under.some((name) => !under.split('+').includes(name)) === true;
    const isOther = wasOther || came;
    if (isOther) looks = 0;
    seenUnder = came ? looked.look?.under.join('+') : under;
    const isClear = looked.unverified.length === 0;
    looks = isClear ? looks + 1 : 0;
    failed = isClear ? 0 : failed + 1;
    if (looks < 2) {
      // What was verified is still called so until it is known not to be, or another halt stands: once is not twice, nor never.
      if (!isClear || isOther || state.phase !== 'verified') await enter('running', looked);
      // By the time of its look, as far as that is known.
      const time = isToldInTime ? Math.max(now, looked.look?.time ?? now) : now;
      if (!isClear && isEscalationDue(time, state)) await escalate(looked.unverified);
      if (!isClear) rearms.answerAll({ kind: 'notClean', found: 'it is not verified anew', finding: looked });
      show({ doing: isClear ? 'the venue shows the target; it is looked at a second time' : 'it is tried again in a moment' });
      await rest(isClear ? lookAgainMs(BETWEEN_LOOKS_MS, looked) : waitMs(failed, looked, state.escalations), looked, () => isChanged);
      continue;
    }
    if (concluded !== of) {
      // The file waits for equity of after the last sale; that the venue has shown the target is told before.
      if (patched('verifiedBeforeEvidence')) await enter('verified', looked);
      unwritten = await conclude(looked);
      if (unwritten === undefined) concluded = of;
    }
    await enter('verified', looked);
    await rearms.release();
    const without = unwritten === undefined ? '' : `; its evidence is not written yet: ${unwritten}`;
    show({ doing: `the venue has shown the target twice; the latch stands${without}` });
    if (isChanged) continue;
    const isAsked = !rearms.isEmpty;
    const usual = isAsked ? BETWEEN_LOOKS_MS : STANDING_LOOK_MS;
    await rest(lookAgainMs(usual, looked), looked, () => isChanged || (!isAsked && !rearms.isEmpty));
  }

  /** What keeps its file from being written keeps no stop from being tended, and no halt from being widened or ended: it is tried with the next look. */
  async function conclude(finding: Finding): Promise<string | undefined> {
    try {
      show({ evidence: await killConclude(account, finding) });
      return undefined;
    } catch (error) {
      if (!isStepFailure(error)) throw error;
      const detail = error.cause?.message ?? error.message;
      log.warn('the evidence could not be written; it is tried again', { error: detail });
      return detail;
    }
  }

  /** Waits until the next look: only where the venue has no room for a round that is longer than until the next look at what stands. */
  async function rest(forMs: number, { look }: Finding, isOver: () => boolean): Promise<void> {
    const tell = async (restMs: number): Promise<void> => {
      const { unverified, dust, kept, phase, evidence } = state;
      if (look !== undefined) await killTell(account, phase, { unverified, dust, kept, look: { ...look, restMs } }, evidence);
    };
    await restTold(forMs, STANDING_LOOK_MS, (ms) => condition(isOver, ms), tell);
  }

  async function escalate(unverified: Finding['unverified']): Promise<void> {
    show({ escalations: state.escalations + 1 });
    await killEscalate(account, state.escalations, { ...state, unverified });
  }

  function escalateMeanwhile(): Promise<void> {
    return escalate([...state.unverified, { kind: 'unanswered', detail: `${state.doing} has not come to its end` }]);
  }
}

/** One round of all that a halt does, and what is found then. A part that fails keeps no other from being done. */
async function round(account: string, latches: readonly KillLatch[], doing: (what: string) => void): Promise<Finding> {
  const failures: string[] = [];
  const attempt = async <T>(what: string, step: () => Promise<T>): Promise<T | undefined> => {
    doing(what);
    try {
      return await step();
    } catch (error) {
      if (!isStepFailure(error)) throw error;
      const detail = error.cause?.message ?? error.message;
      log.warn(`${what} failed; it is tried again`, { error: detail });
      failures.push(`${what}: ${detail}`);
      return undefined;
    }
  };
  await attempt('canceling', () => killCancel(account));
  if (latches.some(({ policy }) => policy === 'atOnce')) await attempt('selling', () => killFlatten(account));
  if (latches.some(({ policy }) => policy === 'none')) await attempt('keeping stops', () => killTendStops(account));
  const found = await attempt('verifying', () => killVerify(account));
  const unanswered = failures.map((detail) => ({ kind: 'unanswered' as const, detail }));
  return { ...NOTHING, ...found, unverified: [...(found?.unverified ?? []), ...unanswered] };
}
