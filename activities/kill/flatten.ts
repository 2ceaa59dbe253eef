import { KeelsonError, type Failure } from '../../core/errors.js';
import { bareKeys, keysToFlatten, planFlatten, positionName, type FlattenStep } from '../../core/kill/flatten.js';
import type { KillSight, KillView } from '../../core/kill/view.js';
import { decimal, type DecimalText } from '../../core/money/index.js';
import { flattenIntentId, type PositionKey } from '../../core/protection/position-key.js';
import { decideFlatten } from '../../core/risk/kill.js';
import { PROTOCOL } from '../../core/risk/limits.js';
import { verdictEvents } from '../order/audit.js';
import { clientOrderIdOf } from '../order/client-order-id.js';
import { createRecord } from '../order/record.js';
import { createResolve, createWithdraw, type Progress } from '../order/resolve.js';
import { createSubmit } from '../order/submit.js';
import type { OrderStore } from '../ports/store.js';
import type { KillDependencies } from './dependencies.js';
import { look } from './look.js';
import { stopTender } from './tend-stops.js';

/** Longer than any step between two renewals takes on a venue that answers; a process that died keeps others waiting so long. */
const LEASE_MS = 10_000;
/** Then the step returns, so that whoever runs it is never far behind. */
const MOST_STEPS = 60;
/** As long as a lost reply takes to be resolved, the time in which the venue answers included; then the other positions come first. */
const SETTLE_MS = 5_000;
const SETTLE_POLL_MS = 250;
/** So long prices serve for the next step as well: a venue takes few requests of this kind, and the step after a stop was taken away is to wait for none. */
const PRICES_SERVE_MS = 1_000;
/** At the widest collar nobody buys: it is tried again, not without a pause. */
const NOBODY_BUYS_MS = 1_000;

/** What a round of selling did; `waitMs`: when it is not done, before the next. */
export interface Flattened {
  readonly slices: number;
  readonly isDone: boolean;
  readonly waitMs: number;
  /** Who else is selling. */
  readonly leaseOf?: string;
  /** Why the gate lets nothing through. */
  readonly failures?: readonly Failure[];
}

type Work = Exclude<FlattenStep, { kind: 'done' }>;
type Sell = Extract<Work, { kind: 'sell' }>;

/** Why nothing more can be done with a position in this round, and when it is worth another look. */
interface Left {
  readonly waitMs: number;
  readonly failures?: readonly Failure[];
  readonly error?: KeelsonError;
}

/**
 * Sells what the latches over an account say has to go (P27): under a lease, which is a condition of each order's
 * authorisation and of its send; each sized from the venue's balance less what was there before us, read after the versions
 * of the ledger that it is written over. One at a time: what became of it is known before the next of its position; one that hangs, or
 * that nobody buys, keeps no other position from being sold.
 */
export function createKillFlatten(dependencies: KillDependencies): (account: string) => Promise<Flattened> {
  const { kills, newId } = dependencies;
  return async (account) => {
    const owner = newId();
    const seller = new Seller(dependencies, owner, account);
    try {
      for (let step = 0; step < MOST_STEPS; step += 1) {
        const view = await kills.readKill(account);
        if (view.latches.every(({ policy }) => policy === 'none')) return { slices: seller.slices, isDone: true, waitMs: 0 };
        const lease = await kills.takeLease(account, owner, LEASE_MS);
        if (!lease.isMine) return { slices: seller.slices, isDone: false, waitMs: lease.remainingMs + 1, leaseOf: lease.owner };
        const ended = await seller.step(view);
        if (ended !== undefined) return ended;
      }
      return { slices: seller.slices, isDone: false, waitMs: 0 };
    } finally {
      // A lease that cannot be given back ends by itself.
      await kills.dropLease(account, owner).catch(() => undefined);
    }
  };
}

class Seller {
  slices = 0;
  /** Positions that are left to whoever comes back, by their names. */
  private readonly aside = new Map<string, Left>();
  /** What the venue showed last. */
  private sight: KillSight | undefined;
  /** When its prices were asked for. */
  private pricedTime = Number.NEGATIVE_INFINITY;
  private readonly dependencies: KillDependencies;
  private readonly orders: OrderStore;
  private readonly account: string;
  private readonly submit: ReturnType<typeof createSubmit>;
  private readonly record: ReturnType<typeof createRecord>;
  private readonly resolve: ReturnType<typeof createResolve>;
  private readonly withdraw: ReturnType<typeof createWithdraw>;
  private readonly tend: ReturnType<typeof stopTender>;

  constructor(dependencies: KillDependencies, owner: string, account: string) {
    const orders = dependencies.kills.ordersAs(owner);
    this.dependencies = dependencies;
    this.orders = orders;
    this.account = account;
    const parts = { ...dependencies, store: orders, risk: { read: (key: PositionKey) => orders.readRisk(key) }, entriesOf: noEntries };
    this.submit = createSubmit(parts);
    this.record = createRecord(parts);
    this.resolve = createResolve(parts);
    this.withdraw = createWithdraw(parts);
    this.tend = stopTender(dependencies, owner);
  }

  /** @returns how it ended, or undefined when there is more to do. */
  async step(view: KillView): Promise<Flattened | undefined> {
    // Of nothing that has to go the venue need not be asked.
    if (keysToFlatten(view).length === 0) return this.ended();
    try {
      this.sight = await this.look(view);
      const next = planFlatten(view, this.sight, new Set(this.aside.keys()));
      if (next.kind !== 'done') {
        await this.go(next, view, this.sight);
        return undefined;
      }
    } catch (error) {
      // Nobody knows when the next round comes this far.
      await this.protect().catch(() => undefined);
      throw error;
    }
    await this.protect();
    return this.ended();
  }

  private async look(view: KillView): Promise<KillSight> {
    const now = this.dependencies.clock();
    const isRecent = Math.abs(now - this.pricedTime) < PRICES_SERVE_MS;
    if (!isRecent) this.pricedTime = now;
    return look(this.dependencies, this.account, view, isRecent ? this.sight?.prices : undefined);
  }

  private async go(next: Work, view: KillView, sight: KillSight): Promise<void> {
    // What the venue does not tell of one order says nothing of the others.
    const left = await this.take(next, view, sight).catch((error: unknown): Left => ({ waitMs: SETTLE_POLL_MS, error: venueError(error) }));
    if (left === undefined) return;
    const name = positionName(next);
    this.aside.set(name, left);
    await this.protect(name).catch((error: unknown) => this.aside.set(name, { ...left, error: venueError(error) }));
  }

  /**
   * Gives what has to go and is neither offered nor protected its stop again, until it is offered once more: nothing is without
   * one for longer than its tries take (P22).
   * @param only the name of one position; without it, all
   * @throws what the venue said of the last for which it took none, when all were tried
   */
  private async protect(only?: string): Promise<void> {
    let failed: KeelsonError | undefined;
    for (const key of bareKeys(await this.dependencies.kills.readKill(this.account), this.sight)) {
      if (only !== undefined && positionName(key) !== only) continue;
      const { strategy, instrument } = key;
      await this.tend({ account: this.account, strategy, instrument }, false).catch((error: unknown) => (failed = venueError(error)));
    }
    if (failed !== undefined) throw failed;
  }

  private ended(): Flattened {
    const { slices } = this;
    const left = [...this.aside.values()];
    const failed = left.find(({ error }) => error !== undefined)?.error;
    if (failed !== undefined) throw failed;
    const failures = left.flatMap((one) => one.failures ?? []);
    const waitMs = Math.max(0, ...left.map((one) => one.waitMs));
    return { slices, isDone: left.length === 0, waitMs, ...(failures.length === 0 ? {} : { failures }) };
  }

  private take(next: Work, view: KillView, sight: KillSight): Promise<Left | undefined> {
    switch (next.kind) {
      case 'settle':
        return this.untilFinal(() => this.resolve(next.intentId));
      case 'cancelStop':
        return this.untilFinal(() => this.withdraw(next.intentId, 'halt'));
      case 'sell':
        return this.sell(next, view, sight.prices[next.instrument] as DecimalText);
    }
  }

  private async sell(step: Sell, view: KillView, price: DecimalText): Promise<Left | undefined> {
    const { account } = this;
    const { strategy, instrument, sequence, collarBps } = step;
    const { instanceId, epoch } = this.dependencies;
    const key = { account, strategy, instrument };
    const rules = view.instruments[instrument];
    const ledger = { ...view.risk, ...(rules === undefined ? {} : { instrument: rules }) };
    const verdict = decideFlatten(key, step, ledger, decimal(price));
    const intentId = flattenIntentId(key, sequence);
    const intent = { ...key, intentId, strategyVersion: 'halt', leg: 'close', purpose: 'flatten', sequence } as const;
    const clientOrderId = clientOrderIdOf(instanceId, intentId);
    const input = { intent, signal: null, clientOrderId, epoch, controlVersion: ledger.controlVersion, verdict };
    const events = verdictEvents(intent, null, clientOrderId, verdict, { price, mid: { missing: 'notNoted' } });
    const written = await this.orders.authorise({ ...input, authorisedForMs: PROTOCOL.authorisedForMs }, events);
    // Overtaken, or without the lease by now: what is to be sold is weighed anew.
    if (written.kind === 'conflict') return undefined;
    if (!('order' in written)) return { waitMs: NOBODY_BUYS_MS, failures: written.failures };
    this.slices += 1;
    await this.record(intentId, await this.submit(intentId, account));
    const left = await this.untilFinal(() => this.resolve(intentId));
    if (left !== undefined) return left;
    const order = await this.orders.order(intentId);
    // What is refused would be refused again at once, and widens no collar.
    const isRefused = order?.status === 'rejected' || order?.failures.some(({ code }) => code === 'RISK_VENUE_CLOSED') === true;
    if (isRefused) return { waitMs: NOBODY_BUYS_MS, failures: order.failures };
    const isStuck = collarBps >= PROTOCOL.exitCollarMaxBps && order?.executedQuantity === '0';
    return isStuck ? { waitMs: NOBODY_BUYS_MS } : undefined;
  }

  /** @returns undefined when it is over; else what is left to whoever comes back to it. */
  private async untilFinal(ask: () => Promise<Progress>): Promise<Left | undefined> {
    const { clock, pause } = this.dependencies;
    for (const until = clock() + SETTLE_MS; clock() < until;) {
      const { order, waitMs } = await ask();
      if (order.isFinal) return undefined;
      await pause(Math.min(waitMs, SETTLE_POLL_MS));
    }
    return { waitMs: SETTLE_POLL_MS };
  }
}

/** @throws what is not of the venue: without the ledger nothing goes on */
function venueError(error: unknown): KeelsonError {
  if (error instanceof KeelsonError && error.failure.code.startsWith('VENUE_')) return error;
  throw error;
}

function noEntries(): never {
  throw new Error('invariant: a kill makes no entries');
}
