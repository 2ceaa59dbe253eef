import { failure, type Failure } from '../../core/errors.js';
import type { DecimalText } from '../../core/money/index.js';
import type { GateVerdict } from '../../core/risk/approved-order.js';
import { termsOf } from '../../core/risk/draft.js';
import { decideOrder } from '../../core/risk/gate.js';
import type { LiveView, RiskView } from '../../core/risk/view.js';
import type { TradeSignal } from '../../core/signal/signal.js';
import { entryView, type OrderDependencies } from './dependencies.js';

/** Which of a signal's orders this is, and what the ones before it have bought, in base. */
export interface Attempt {
  readonly attempt: number;
  readonly executed: DecimalText;
}

/** The gate for the n-th order of an opening signal, on what this process sees of the market when it is asked; `view` puts another look in its place. */
export function entryGate(
  dependencies: Pick<OrderDependencies, 'live' | 'venueOf' | 'entriesOf'>,
  signal: TradeSignal,
  { attempt, executed }: Attempt,
  view: () => LiveView = () => entryView(dependencies, signal.account, signal.instrument),
): (ledger: RiskView) => GateVerdict {
  const entries = dependencies.entriesOf(signal.account, signal.strategy, signal.instrument);
  if (entries === undefined) return () => ({ kind: 'denied', failures: [notConfigured(signal)] });
  const terms = termsOf(entries.sizing, { execution: entries.execution, attempt, executed });
  return (ledger) => decideOrder(signal, terms, ledger, view());
}

/** P2: what the configuration does not know any more has no active version here. */
function notConfigured({ account, strategy, strategyVersion, instrument }: TradeSignal): Failure {
  const active = 'none, it has left the configuration';
  return failure('RISK_STRATEGY_INACTIVE', { version: strategyVersion, strategy, account, instrument, active });
}
