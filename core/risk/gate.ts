import { allowsEntries, allowsStrategyExits, effectiveMode, isInScope } from '../control/mode.js';
import { failure, type Failure } from '../errors.js';
import { intentIdOf, signalId, type TradeSignal } from '../signal/signal.js';
import { approve, type GateVerdict } from './approved-order.js';
import { draftEntry, draftExit, type OrderTerms } from './draft.js';
import { entryEnd, entryInputFailures, restingEnd } from './entry-inputs.js';
import { entryLimitFailures } from './entry-limits.js';
import { entryPace } from './entry-rates.js';
import { filterFailures } from './filters.js';
import { PROTOCOL } from './limits.js';
import { decideWithOverrides, standingOverrides } from './overrides.js';
import type { LiveView, RiskView } from './view.js';

/**
 * The pre-trade gate: signal, ledger and live view in, an approved order or every reason against it out. Pure. Entries
 * need every input and are denied when one is missing; exits need the position, the venue's filters and no latch (P19).
 */
export function decideOrder(signal: TradeSignal, terms: OrderTerms, ledger: RiskView, live: LiveView): GateVerdict {
  if (signal.leg === 'close') return decideWithin(signal, terms, ledger, live);
  const overrides = standingOverrides(ledger.overrides, signal, ledger.databaseTime);
  return decideWithOverrides(ledger, overrides, (bounded) => decideWithin(signal, terms, bounded, live));
}

function decideWithin(signal: TradeSignal, terms: OrderTerms, ledger: RiskView, live: LiveView): GateVerdict {
  const { attempt, isUnderWay } = terms;
  const isEntry = signal.leg === 'open';
  const pace = isEntry ? entryPace(signal, attempt, ledger) : { failures: [], notBefore: 0 };
  const failures: Failure[] = [
    ...signalFailures(signal, isUnderWay, ledger, live),
    ...modeFailures(signal, ledger),
    ...(isEntry ? entryInputFailures(signal, ledger, live) : []),
    ...pace.failures,
  ];
  const rules = ledger.instrument;
  if (rules === undefined) {
    failures.push(failure('RISK_INSTRUMENT_UNKNOWN', { venue: ledger.venue, instrument: signal.instrument }));
    return { kind: 'denied', failures };
  }
  const draft = isEntry ? draftEntry(signal, terms, ledger, live, rules) : draftExit(signal, terms, ledger, live, rules);
  if ('code' in draft) return { kind: 'denied', failures: [...failures, draft] };
  failures.push(...filterFailures(draft, rules, ledger.venue));
  if (isEntry) failures.push(...entryLimitFailures(signal, draft, ledger, rules));
  if (failures.length > 0) return { kind: 'denied', failures };
  const { maxVenueExposure, maxVenueNetExposure } = ledger.limits;
  const countsNeighbours = isEntry && (maxVenueExposure !== null || maxVenueNetExposure !== null);
  const id = { intentId: intentIdOf(signal, attempt), sequence: attempt };
  const notAfter = isEntry ? entryEnd(ledger, signal.instrument) : null;
  const resting = { ...draft, workingUntil: restingEnd(draft.workingUntil, ledger, live) };
  return { kind: 'approved', order: approve(resting, id, ledger, rules, { notBefore: pace.notBefore, notAfter, countsNeighbours }) };
}

function signalFailures(signal: TradeSignal, isUnderWay: boolean, ledger: RiskView, live: LiveView): Failure[] {
  const failures: Failure[] = [];
  const validUntil = signal.validUntil + (isUnderWay ? PROTOCOL.exitUnderWayMs : 0);
  if (live.now > validUntil) {
    failures.push(failure('RISK_SIGNAL_EXPIRED', { signal: signalId(signal), validUntil: iso(validUntil), now: iso(live.now) }));
  }
  if (ledger.activeVersion !== signal.strategyVersion) {
    failures.push(
      failure('RISK_STRATEGY_INACTIVE', {
        version: signal.strategyVersion,
        strategy: signal.strategy,
        account: signal.account,
        instrument: signal.instrument,
        active: ledger.activeVersion ?? 'none',
      }),
    );
  }
  return failures;
}

function modeFailures(signal: TradeSignal, ledger: RiskView): Failure[] {
  const { account, venue } = ledger;
  const target = { account, venue, strategy: signal.strategy, instrument: signal.instrument };
  const mode = effectiveMode(ledger.mode, ledger.latches, target);
  if (mode === 'killed') {
    const over = ledger.latches.filter((latch) => isInScope(latch, target));
    return [failure('RISK_KILLED', { account, scope: over.map((latch) => latch.scope).join(', ') })];
  }
  const allowed = signal.leg === 'open' ? allowsEntries(mode) : allowsStrategyExits(mode);
  return allowed ? [] : [failure('RISK_MODE', { account, mode, leg: signal.leg })];
}

function iso(time: number): string {
  return new Date(time).toISOString();
}
