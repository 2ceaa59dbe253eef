import { createHash } from 'node:crypto';
import { Losses } from '../../../core/drawdown/losses.js';
import { reportOf } from '../../../core/drawdown/report.js';
import type { ClosedPosition } from '../../../core/ledger/closed-position.js';
import { KeelsonError } from '../../../core/errors.js';
import { ZERO, decimal, text } from '../../../core/money/index.js';
import type { DrawdownEvidence, DrawdownFacts, DrawdownStore } from '../../ports/drawdown.js';
import type { EvidenceFiles } from '../../ports/kill.js';
import { workerStops } from '../../worker-stops.js';
import { givenUp } from '../given-up.js';

export interface DrawdownDependencies {
  readonly drawdowns: DrawdownStore;
  readonly files: Pick<EvidenceFiles, 'write'>;
  readonly pause: (ms: number) => Promise<void>;
  /** The worker ends: what waits here is begun again by another. */
  readonly stopping: AbortSignal;
}

/** What looks into the halt of a drawdown; each may be begun again at any moment. */
export interface LookBack {
  attach(runId: string): Promise<void>;
  /** @param over its part’s end, after which nobody waits any more */
  awaitKill(runId: string, over?: AbortSignal): Promise<void>;
  keepEvidence(runId: string): Promise<void>;
  report(runId: string): Promise<void>;
}

/** What is not verified by then goes on, and so does the run: its report says so. */
const KILL_WITHIN_MS = 1_800_000;
const LOOK_MS = 1_000;
/** The file of a halt is written a few seconds after it is verified; one that was carried out without Temporal may have none. */
const EVIDENCE_WITHIN_MS = 10_000;

export function createLookBack({ drawdowns, files, pause, stopping }: DrawdownDependencies): LookBack {
  const factsOf = async (runId: string): Promise<DrawdownFacts> => {
    const facts = await drawdowns.read(runId);
    if (facts === undefined) throw new KeelsonError('INPUT_UNKNOWN_RUN', { run: `${runId} of a drawdown` });
    return facts;
  };
  const lossesOf = async (account: string, { halt }: DrawdownEvidence): Promise<Losses> => {
    const steps = await drawdowns.steps(account);
    const losses = new Losses(halt.sinceTime, (instrument) => decimal(steps[instrument] ?? '0'));
    for await (const fill of drawdowns.fills(account)) losses.add(fill);
    return losses;
  };
  return {
    attach: (runId) => drawdowns.attach(runId),
    async awaitKill(runId, over) {
      for (let since: number | undefined; ;) {
        if (stopping.aborted) throw workerStops();
        over?.throwIfAborted();
        const facts = await factsOf(runId);
        if (facts.givenUp !== null) throw givenUp(facts.givenUp);
        since = isVerified(facts) ? (since ?? facts.now) : undefined;
        if (since !== undefined && (facts.kill?.hasEvidence === true || facts.now - since >= EVIDENCE_WITHIN_MS)) return;
        if (since === undefined && facts.now - (facts.partTime ?? facts.now) >= KILL_WITHIN_MS)
          throw new Error('the halt is not verified: keelson halts');
        await pause(LOOK_MS);
      }
    },
    async keepEvidence(runId) {
      const { account, latchId, evidence: kept } = await factsOf(runId);
      // By one that died right after: its hash is in the audit, and its file stays as it is.
      if (kept !== null) return;
      const evidence = await drawdowns.evidence(runId);
      const closed = (await lossesOf(account, evidence)).closedSince(evidence.halt.dayTime);
      const sections = { ...evidence, closedPositions: closed.map(closedOf) };
      const hashes = Object.fromEntries(Object.entries(sections).map(([name, section]) => [name, sha256(JSON.stringify(section))]));
      const content = `${JSON.stringify({ what: 'evidence of a drawdown', account, ...sections, hashes }, null, 2)}\n`;
      await drawdowns.keepEvidence(runId, await files.write(`drawdown-${account}-${latchId}.json`, content));
    },
    async report(runId) {
      const facts = await factsOf(runId);
      const { account, reason, engagedTime, kill } = facts;
      const evidence = await drawdowns.evidence(runId);
      const { sinceTime, peakTime } = evidence.halt;
      const markOf = (instrument: string) => {
        const mark = evidence.marks[instrument];
        return mark === null || mark === undefined ? undefined : decimal(mark);
      };
      const losses = (await lossesOf(account, evidence)).all(markOf, await drawdowns.executions(account, sinceTime));
      const verifiedTime = isVerified(facts) ? (kill?.verifiedTime ?? null) : null;
      await drawdowns.report(runId, reportOf({ account, reason, peakTime, sinceTime, engagedTime, verifiedTime, losses }));
    },
  };
}

const isVerified = ({ kill, engagedTime }: DrawdownFacts): boolean =>
  kill?.phase === 'verified' && kill.verifiedTime !== null && kill.verifiedTime >= engagedTime;

function closedOf(trip: ClosedPosition): object {
  const { bought, sold, entryPrice, exitPrice, realizedAverage, realizedFifo, fees, ...rest } = trip;
  const amounts = { bought, sold, entryPrice, exitPrice, realizedAverage, realizedFifo, fees };
  return { ...rest, ...Object.fromEntries(Object.entries(amounts).map(([name, amount]) => [name, text(amount ?? ZERO)])) };
}

function sha256(content: string): string {
  return createHash('sha256').update(content).digest('hex');
}
