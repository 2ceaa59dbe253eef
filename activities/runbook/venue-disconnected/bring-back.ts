import { backoffMs, type OutageRules } from '../../../core/outage/rules.js';
import { isComparedSince, unsteady, type Asked, type OutageFacts } from '../../../core/outage/steady.js';
import { WaitedTime } from '../../../core/runbook/waited-time.js';
import type { OutageStore } from '../../ports/outage.js';
import type { Reconciliations } from '../../ports/reconcile.js';
import type { Venue } from '../../ports/venue.js';
import { workerStops } from '../../worker-stops.js';
import { givenUp } from '../given-up.js';

export interface OutageDependencies {
  readonly outages: OutageStore;
  readonly venueOf: (account: string) => Venue;
  readonly reconciliations: Reconciliations;
  readonly rulesOf: (account: string) => OutageRules;
  /** Classes of differences after which the account goes on by itself. */
  readonly liftsOf: (account: string) => readonly string[];
  readonly pause: (ms: number) => Promise<void>;
  /** The worker ends: what waits here is begun again by another. */
  readonly stopping: AbortSignal;
}

/** What one look has found missing, or that nothing is. `isHopeless`: waiting does not help, a person decides. */
type Missing = { readonly missing: string; readonly isHopeless?: boolean } | null;
/** Whoever takes a wait up has so much of it left: all who could have looked may have slept together. */
const OF_ITS_OWN_MS = 60_000;
type OutageLook = (facts: OutageFacts, asked: Asked) => Promise<Missing>;

/** What brings a lost venue's account back: each waits until it is so, and may be begun again at any moment. */
export interface BringBack {
  freeze(runId: string): Promise<void>;
  reconnect(runId: string, over?: AbortSignal): Promise<void>;
  settle(runId: string, over?: AbortSignal): Promise<void>;
  compare(runId: string, over?: AbortSignal): Promise<void>;
  resume(runId: string, over?: AbortSignal): Promise<void>;
  report(runId: string): Promise<void>;
}

export function createBringBack(dependencies: OutageDependencies): BringBack {
  const { outages, venueOf, reconciliations, rulesOf, liftsOf, pause, stopping } = dependencies;
  /** By part: what is begun again here, as after its time at the server was over, is the same wait. */
  const waits = new Map<string, WaitedTime>();

  /** Each try is written down while the venue counts as lost. */
  const ask = async (runId: string, { account, answeredTime }: OutageFacts): Promise<Asked> => {
    const asked = await askVenue(venueOf, account);
    if (answeredTime === null) await outages.noteTry(runId, { hasAnswered: asked.hasAnswered, detail: detailOf(asked) });
    return asked;
  };

  /**
   * Asks the venue and looks, until nothing is missing; where it is lost again meanwhile, this waits for its return. Nobody waits longer
   * than the rules say (`WaitedTime`): then people are paged, and the step has failed. @throws when it has, and where a person has given the run up
   * @param over its part's end, after which it changes nothing any more
   */
  const until = async (runId: string, what: string, look: OutageLook, over?: AbortSignal): Promise<void> => {
    let [unanswered, pausedMs] = [0, 0];
    for (;;) {
      if (stopping.aborted) throw workerStops();
      const before = await outages.read(runId);
      // Its part ends, and the run with it: neither is anybody called.
      if (before.givenUp !== null) throw givenUp(before.givenUp);
      over?.throwIfAborted();
      const asked = await ask(runId, before);
      unanswered = asked.hasAnswered ? 0 : unanswered + 1;
      const facts = await outages.read(runId);
      over?.throwIfAborted();
      const found = await look(facts, asked);
      over?.throwIfAborted();
      const { now, partTime, account } = before;
      const [rules, part] = [rulesOf(account), `${runId}:${partTime}`];
      if (found === null) return void waits.delete(part);
      const leastSince = now - Math.max(0, rules.reconnectForMs - OF_ITS_OWN_MS);
      const waited = waits.get(part) ?? new WaitedTime(now, Math.max(partTime ?? now, leastSince));
      waits.set(part, waited);
      if (waited.at(now, pausedMs) >= rules.reconnectForMs || found.isHopeless === true) {
        waits.delete(part);
        await outages.page(runId, `${what}:${partTime ?? now}`, found.missing);
        throw new Error(found.missing);
      }
      pausedMs = backoffMs(Math.max(0, unanswered - 1), rules);
      await pause(pausedMs);
    }
  };

  const steady = (facts: OutageFacts, asked: Asked): string | null => {
    const found = unsteady(facts, asked, rulesOf(facts.account).clockSkewMs);
    return found.length === 0 ? null : found.join('; ');
  };

  /** Asks for a comparison now and then: one that began while the venue was away has found nothing. */
  const comparing = (): ((facts: OutageFacts) => Promise<void>) => {
    let askedTime: number | undefined;
    return async ({ account, now }) => {
      if (askedTime !== undefined && now - askedTime < rulesOf(account).compareAgainMs) return;
      askedTime = now;
      // Where Temporal does not take it, that of the next minute does as well.
      await reconciliations.start(account, 'reconnect').catch(() => undefined);
    };
  };

  return {
    freeze: (runId) => outages.freeze(runId),
    reconnect(runId, over) {
      const look: OutageLook = ({ tries }, asked) =>
        Promise.resolve(asked.hasAnswered ? null : { missing: `it has not answered ${tries} tries: ${asked.detail}` });
      return until(runId, 'reconnect', look, over);
    },
    settle(runId, over) {
      const look: OutageLook = (facts, asked) => {
        const missing = steady(facts, asked);
        return Promise.resolve(missing === null ? null : { missing });
      };
      return until(runId, 'settle', look, over);
    },
    compare(runId, over) {
      const compare = comparing();
      const look: OutageLook = async (facts, asked) => {
        const missing = steady(facts, asked);
        if (missing !== null) return { missing };
        if (facts.differences !== null)
          return { missing: `differences wait for a person: ${facts.differences} (keelson reconcile list)`, isHopeless: true };
        if (isComparedSince(facts)) return null;
        await compare(facts);
        return { missing: 'no reconciliation that began after its return has found the account clean' };
      };
      return until(runId, 'compare', look, over);
    },
    resume(runId, over) {
      const compare = comparing();
      const look: OutageLook = async (facts) => {
        const { account } = facts;
        const { repeatedWithinMs } = rulesOf(account);
        const result = await outages.resume(runId, { lifts: liftsOf(account), repeatedWithinMs });
        switch (result) {
          case 'resumed':
          case 'going':
          case 'personsPause':
          case 'givenUp':
            return null;
          case 'halted':
            throw new Error('a halt stands: when it has ended a person resumes the account (keelson resume)');
          case 'before':
            return { missing: 'it was paused before its venue was lost: a person resumes it (keelson resume)', isHopeless: true };
          case 'notReconciled':
            await compare(facts);
            return { missing: 'no reconciliation that began after its return has found the account clean' };
          case 'notSteady':
            return { missing: 'it is not steady' };
          case 'differences':
            return { missing: 'it was paused for differences as well: a person resumes it (keelson resume)', isHopeless: true };
          case 'repeated':
            return {
              missing: `its venue was lost twice within ${repeatedWithinMs / 60_000} min: a person resumes it (keelson resume)`,
              isHopeless: true,
            };
        }
      };
      return until(runId, 'resume', look, over);
    },
    report: (runId) => outages.report(runId),
  };
}

async function askVenue(venueOf: OutageDependencies['venueOf'], account: string): Promise<Asked> {
  try {
    const { skewMs } = await venueOf(account).reader.clock();
    return { hasAnswered: true, skewMs };
  } catch (error) {
    return { hasAnswered: false, detail: error instanceof Error ? error.message : String(error) };
  }
}

const detailOf = (asked: Asked): string | null => (asked.hasAnswered ? null : asked.detail.slice(0, 500));
