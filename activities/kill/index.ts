import { Context } from '@temporalio/activity';
import type { Finding } from '../../core/kill/verify.js';
import type { KillLatch } from '../../core/kill/view.js';
import { beating } from '../beating.js';
import { mapped } from '../failures.js';
import type { EvidenceFile, KillPhase, Released } from '../ports/kill.js';
import { atWork } from './at-work.js';
import { createKillCancel, type Canceled } from './cancel.js';
import { createKillConclude, createKillEscalate, directRuns, salesUnder, type Unfinished } from './conclude.js';
import { haltVenues, type KillDependencies } from './dependencies.js';
import { createKillFlatten, type Flattened } from './flatten.js';
import { createKillRelease } from './release.js';
import { ShownOrders } from './shown-orders.js';
import { createTendStops } from './tend-stops.js';
import { createKillVerify } from './verify.js';

/** Why an account is halted, and what was done about it elsewhere. */
export interface Standing {
  readonly latches: readonly KillLatch[];
  /** When that was, by the database's clock, epoch ms. */
  readonly time: number;
  /**
   * What the evidence takes up, beside the latches: files of halts without Temporal since then, and how many orders have sold. When one
   * comes after the file (something was sold that the venue had not shown) the file is written anew.
   */
  readonly directs: readonly string[];
}

/** The steps of the kill of one account. Each may be run again, by anybody, at any time. */
export interface KillActivities {
  /** The latches that stand over the account or a part of it. */
  killLatches(account: string): Promise<Standing>;
  killCancel(account: string): Promise<Canceled>;
  killFlatten(account: string): Promise<Flattened>;
  killTendStops(account: string): Promise<number>;
  killVerify(account: string): Promise<Finding>;
  killEscalate(account: string, count: number, unfinished: Unfinished): Promise<void>;
  killConclude(account: string, finding: Finding): Promise<EvidenceFile>;
  killTell(account: string, phase: KillPhase, finding: Finding, evidence: EvidenceFile | null): Promise<void>;
  /** Ends a latch because the rows of two people say so (P30); nothing else in the message is believed. */
  killRelease(latchId: string, requestId: string): Promise<Released>;
}

/** @param reconcile compares an account with its venue now (P30), after whoever else does. */
export function createKillActivities(
  given: Omit<KillDependencies, 'pause'>,
  reconcile: (account: string) => Promise<boolean>,
): KillActivities {
  const dependencies: KillDependencies = { ...given, venueOf: haltVenues(given.venueOf), pause: (ms) => Context.current().sleep(ms) };
  const { kills } = dependencies;
  const shown = new ShownOrders();
  const step = <Rest extends unknown[], Result>(work: (account: string, ...rest: Rest) => Promise<Result>) =>
    mapped(beating(atWork(kills, work)), 'untilDone');
  return {
    killLatches: step(async (account) => {
      const view = await kills.readKill(account);
      const { latches, risk } = view;
      const directs = latches.length === 0 ? [] : await directRuns(dependencies.files, account, latches);
      return { latches, time: risk.databaseTime, directs: [...directs.map(({ name }) => name), ...salesUnder(view)] };
    }),
    killCancel: step(createKillCancel(dependencies, shown)),
    killFlatten: step(createKillFlatten(dependencies)),
    killTendStops: step(createTendStops(dependencies)),
    killVerify: step(createKillVerify(dependencies, shown)),
    killEscalate: step(createKillEscalate(dependencies)),
    killConclude: step(createKillConclude(dependencies)),
    killTell: mapped(
      beating((...values) => kills.writeKill(...values)),
      'untilDone',
    ),
    killRelease: mapped(beating(createKillRelease(kills, reconcile)), 'untilDone'),
  };
}
