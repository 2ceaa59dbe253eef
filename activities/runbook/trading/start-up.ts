import type { CheckFacts } from '../../../core/checks/facts.js';
import { CHECKS, checkKeys, type Findings } from '../../../core/checks/judge.js';
import { failure } from '../../../core/errors.js';
import { effectiveLimits } from '../../../core/risk/limit-rows.js';
import { RUNBOOK_SPECS } from '../../../core/runbook/registry.js';
import { CONDITIONS, DEFINITIONS } from '../../../core/watch/conditions.js';
import { barsToObserve, lackOf, type StreamNeed } from '../../../core/start-up/bars.js';
import type { AskedRun } from '../../ports/runbook.js';
import { bound, type BoundRunbook, type Look, type StepCode } from '../step-code.js';
import {
  FINE,
  lookOf,
  MOST_PATIENCE_MS,
  reconciled,
  rulesIn,
  stepOf,
  until,
  type TradingReads,
  type TradingWrites,
  MOST_VENUE_PATIENCE_MS,
} from './parts.js';

type Step = StepCode<TradingReads, TradingWrites>;
/** The longest that a configuration may have bars waited for, and what they may last beyond that. */
const BARS_TIMEOUT_MS = 2 * 3_600_000 + 2 * MOST_PATIENCE_MS;

/**
 * From nothing to trading. What traded before is in observation while it is looked at, and trades again when all is well; what anybody
 * else has made stricter stays so: then what is found is told, and stops nobody.
 */
export function startUp(reads: TradingReads, writes: TradingWrites): BoundRunbook {
  return bound({
    spec: RUNBOOK_SPECS.startUp,
    steps: [ENTRIES, LEDGER, SCHEMA, VENUE, KEYS, RECONCILE, OBSERVATION, BARS, TRADE],
    reads,
    writes,
    rules: rulesIn(reads),
  });
}

/** A look that stops the run only where this run is what keeps the account from trading. */
function look(what: (run: AskedRun, reads: TradingReads) => Promise<Findings>): NonNullable<Step['verification']> {
  return async (run, reads): Promise<Look> => {
    const found = await what(run, reads);
    if (found.length === 0) return FINE;
    const { isOurs } = await reads.state.standing(run.account, run.runId);
    return isOurs ? lookOf(found) : { isFine: true, output: { found: found.join('; ') } };
  };
}

const ENTRIES: Step = {
  spec: stepOf('entries', 'Nothing is opened before the checks are over'),
  action: async ({ account, runId }, _, { holdMode }) => {
    await holdMode(account, runId, 'observation');
    return null;
  },
  verification: async ({ account, runId }, { state }) => {
    const { mode, told } = await state.standing(account, runId);
    return mode === 'normal' ? lookOf([`the account may trade: ${told}`]) : FINE;
  },
};

const LEDGER: Step = {
  spec: stepOf('dependencies', 'Database and Temporal answer, and the database keeps its promises'),
  // Temporal carries this out: that it answers needs no proof.
  verification: look((run, reads) => until(reads, run, reads.patienceMs, reads.ledger)),
};

const SCHEMA: Step = {
  spec: stepOf('migrations', 'The database has every migration of this build'),
  verification: look((run, reads) => until(reads, run, reads.patienceMs, reads.schema)),
};

const VENUE: Step = {
  spec: stepOf('venue', 'The venue answers, and its clock is ours', {
    timeoutMs: MOST_VENUE_PATIENCE_MS + MOST_PATIENCE_MS,
  }),
  verification: look((run, reads) =>
    until(reads, run, reads.venuePatienceMs, async () => {
      const { account } = run;
      const { venue, limitRows } = await reads.facts(account);
      const { skewMs } = await reads.venueOf(account).reader.clock();
      const limitMs = effectiveLimits(limitRows, { account, venue, strategy: '', instrument: '' }).limits.clockSkewMs;
      return Math.abs(skewMs) <= limitMs ? [] : [failure('RISK_CLOCK_SKEW', { venue, skewMs, limitMs }).message];
    }),
  ),
};

const KEYS: Step = {
  spec: stepOf('keys', 'The key in use may not withdraw'),
  verification: async (run, reads) => {
    const { found, tells } = await keysOf(run, reads);
    if (tells === 'nothing') return { isFine: true, output: { canWithdraw: 'not known' } };
    // With such a key nothing starts, whoever keeps the account from trading now: they would let it go on with it.
    return tells === 'rights' ? lookOf(found) : look(() => Promise.resolve(found))(run, reads);
  },
};

/** `tells`: what the venue has told of the key; `nothing` of it; or it could not be asked (`noAnswer`). */
async function keysOf(
  run: AskedRun,
  reads: TradingReads,
): Promise<{ readonly found: Findings; readonly tells: 'rights' | 'nothing' | 'noAnswer' }> {
  let canWithdraw: boolean | undefined;
  let hasAnswered = false;
  const away = await until(reads, run, reads.patienceMs, async () => {
    ({ canWithdraw } = await reads.venueOf(run.account).reader.keyPermissions());
    hasAnswered = true;
    return [];
  });
  // A wait that a halt or an abort has ended has found nothing out.
  if (!hasAnswered) return { found: away.length > 0 ? away : ['the venue was not asked to the end'], tells: 'noAnswer' };
  const found = checkKeys(run.account, reads.rulesOf(run.account).venue, canWithdraw);
  return { found, tells: canWithdraw === undefined ? 'nothing' : 'rights' };
}

const RECONCILE: Step = {
  spec: stepOf('reconcile', 'Venue, ledger and workflows agree', { timeoutMs: 3 * MOST_PATIENCE_MS }),
  verification: look((run, reads) => reconciled(reads, run, 'start')),
};

const OBSERVATION: Step = {
  spec: stepOf('observation', 'Signals are recorded and not sent; exits and stops are'),
  action: async ({ account, runId }, { state }, { easeMode }) => {
    await easeMode(account, runId, 'observation');
    return { mode: (await state.standing(account, runId)).mode };
  },
};

const BARS: Step = {
  spec: stepOf('bars', 'Bars arrive in time and without a hole, and the account is watched', { timeoutMs: BARS_TIMEOUT_MS }),
  verification: look(async (run, reads) => {
    const { account } = run;
    const { venue, observeBars, observeAtMostMs, streams } = reads.rulesOf(account);
    const needs = streams.map(({ instrument, intervalMs, lookbackBars }): StreamNeed => {
      const observed = barsToObserve(observeBars, intervalMs, observeAtMostMs);
      return { instrument, intervalMs, observed, history: lookbackBars };
    });
    const asked = needs.map(({ instrument, intervalMs, observed, history }) => ({
      ...{ instrument, intervalMs },
      count: Math.max(observed, history) + 1,
    }));
    const since = (await reads.state.bars(venue, [])).databaseTime;
    const lastMs = Math.max(0, ...needs.map(({ observed, intervalMs }) => observed * intervalMs));
    return until(reads, run, lastMs + observeAtMostMs, async () => {
      const facts = await reads.facts(account);
      const stored = await reads.state.bars(venue, asked);
      const times = { since, now: stored.databaseTime, aheadMs: facts.watch?.clockSkewMs ?? 0 };
      return [
        ...CHECKS.streams(acting(facts)),
        ...CHECKS.venue(facts),
        ...needs.flatMap((need) => {
          const stream = stored.streams.find((one) => one.instrument === need.instrument && one.intervalMs === need.intervalMs);
          return lackOf(stream ?? { bars: [] }, need, times);
        }),
      ];
    });
  }),
};

/** Without what the watch only warns of: a drawdown may last for weeks. */
function acting(facts: CheckFacts): CheckFacts {
  if (facts.watch === null) return facts;
  const warnings: readonly string[] = CONDITIONS.filter((condition) => DEFINITIONS[condition].acts === 'no');
  const conditions = facts.watch.conditions.filter((one) => !warnings.includes(one));
  return { ...facts, watch: { ...facts.watch, conditions } };
}

const TRADE: Step = {
  // Whatever keeps it from trading, the run has ended then and says so; a new one begins from the front.
  spec: stepOf('trade', 'The account does what it did before', { isCritical: false }),
  // That the step before was left out by a person lets no such key trade.
  precondition: async (run, reads) => {
    const { found, tells } = await keysOf(run, reads);
    return tells === 'nothing' ? FINE : lookOf(found);
  },
  action: async ({ account, runId }, { rulesOf }, { releaseMode }) => {
    if (rulesOf(account).afterwards === 'asBefore') await releaseMode(account, runId);
    return null;
  },
  verification: async ({ account, runId }, { rulesOf, state }) => {
    const { mode, told } = await state.standing(account, runId);
    if (mode === 'normal') return FINE;
    if (rulesOf(account).afterwards === 'observation' && mode === 'observation') return { isFine: true, output: { stays: mode } };
    return lookOf([`it stays as it is: ${told}`]);
  },
};
