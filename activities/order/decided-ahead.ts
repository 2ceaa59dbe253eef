import { ZERO_TEXT } from '../../core/money/index.js';
import type { GateVerdict } from '../../core/risk/approved-order.js';
import type { RiskView } from '../../core/risk/view.js';
import { intentIdOf, type TradeSignal } from '../../core/signal/signal.js';
import { entryGate } from './entry-gate.js';
import type { OrderDependencies } from './dependencies.js';

/** So old a verdict is written at most: what the gate has seen of market, clocks and watch may have passed by then, and is looked at anew. */
const MOST_AGE_MS = 50;

interface Decided {
  readonly verdict: Extract<GateVerdict, { readonly kind: 'approved' }>;
  readonly foundAt: number;
}

/**
 * The gate's verdict on an entry whose start is on its way to Temporal, when this process has nothing else to do. It is taken where the ledger
 * has the same versions still when the verdict is to be written, and only an approval is: all else is decided as ever, then.
 */
export class DecidedAhead {
  readonly #dependencies: Omit<OrderDependencies, 'decidedAhead'>;
  /** Ms that only go on. */
  readonly #monotonic: () => number;
  readonly #decided = new Map<string, Decided>();

  constructor(dependencies: Omit<OrderDependencies, 'decidedAhead'>, monotonic: () => number) {
    this.#dependencies = dependencies;
    this.#monotonic = monotonic;
  }

  /** Asks nobody and waits for nothing: where the risk state is not held, nothing is decided ahead. */
  decide(signal: TradeSignal): void {
    for (const [intentId, { foundAt }] of this.#decided) if (this.#isOld(foundAt)) this.#decided.delete(intentId);
    const { risk } = this.#dependencies;
    const ledger = risk.heldView?.(signal);
    if (ledger === undefined) return;
    const foundAt = this.#monotonic();
    const verdict = entryGate(this.#dependencies, signal, { attempt: 1, executed: ZERO_TEXT })(ledger);
    if (verdict.kind === 'approved') this.#decided.set(intentIdOf(signal), { verdict, foundAt });
  }

  /** Once: what is decided again after a conflict is decided on what there is then. */
  take(intentId: string, ledger: RiskView): GateVerdict | undefined {
    const found = this.#decided.get(intentId);
    this.#decided.delete(intentId);
    if (found === undefined || this.#isOld(found.foundAt)) return undefined;
    const { riskVersion, controlVersion } = found.verdict.order;
    return riskVersion === ledger.riskVersion && controlVersion === ledger.controlVersion ? found.verdict : undefined;
  }

  #isOld(foundAt: number): boolean {
    return this.#monotonic() - foundAt > MOST_AGE_MS;
  }
}
