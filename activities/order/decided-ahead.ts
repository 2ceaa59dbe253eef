import { ZERO_TEXT } from '../../core/money/index.js';
import type { GateVerdict } from '../../core/risk/approved-order.js';
import type { RiskView } from '../../core/risk/view.js';
import { intentIdOf, type TradeSignal } from '../../core/signal/signal.js';
import type { Moment } from '../../core/venue/entry-share.js';
import { entryGate } from './entry-gate.js';
import type { OrderDependencies } from './dependencies.js';

/** So old a verdict is written at most: what the gate has seen of market, clocks and watch may have passed by then, and is looked at anew. */
const MOST_AGE_MS = 50;

interface Decided {
  readonly verdict: Extract<GateVerdict, { readonly kind: 'approved' }>;
  readonly foundAt: Moment;
}

/**
 * The gate's verdict on an entry whose start is on its way to Temporal, when this process has nothing else to do. It is taken where the ledger
 * has the same versions still when the verdict is to be written, and only an approval is: all else is decided as ever, then.
 */
export class DecidedAhead {
  readonly #dependencies: Omit<OrderDependencies, 'decidedAhead'>;
  readonly #now: () => Moment;
  readonly #onFailed: (error: unknown, signal: TradeSignal) => void;
  readonly #decided = new Map<string, Decided>();

  /** @param onFailed hears of a gate that could not decide: the step meets the same, and tells it as the step's own failure. */
  constructor(
    dependencies: Omit<OrderDependencies, 'decidedAhead'>,
    now: () => Moment,
    onFailed: (error: unknown, signal: TradeSignal) => void,
  ) {
    this.#dependencies = dependencies;
    this.#now = now;
    this.#onFailed = onFailed;
  }

  /** Asks nobody, waits for nothing and never throws: where the risk state is not held, nothing is decided ahead. */
  decide(signal: TradeSignal): void {
    for (const [intentId, { foundAt }] of this.#decided) if (this.#isOld(foundAt)) this.#decided.delete(intentId);
    const { risk } = this.#dependencies;
    try {
      const ledger = risk.heldView?.(signal);
      if (ledger === undefined) return;
      const foundAt = this.#now();
      const verdict = entryGate(this.#dependencies, signal, { attempt: 1, executed: ZERO_TEXT })(ledger);
      if (verdict.kind === 'approved') this.#decided.set(intentIdOf(signal), { verdict, foundAt });
    } catch (error) {
      this.#onFailed(error, signal);
    }
  }

  /** Once: what is decided again after a conflict is decided on what there is then. */
  take(intentId: string, ledger: RiskView): GateVerdict | undefined {
    const found = this.#decided.get(intentId);
    this.#decided.delete(intentId);
    if (found === undefined || this.#isOld(found.foundAt)) return undefined;
    const { riskVersion, controlVersion } = found.verdict.order;
    return riskVersion === ledger.riskVersion && controlVersion === ledger.controlVersion ? found.verdict : undefined;
  }

  /** By either clock: the monotonic one may stand still while the machine sleeps, and the other be set. */
  #isOld(foundAt: Moment): boolean {
    const { time, monotonic } = this.#now();
    return Math.max(Math.abs(time - foundAt.time), monotonic - foundAt.monotonic) > MOST_AGE_MS;
  }
}
