import type { Unverified } from '../../core/kill/verify.js';
import { policyOver, type KillView } from '../../core/kill/view.js';
import { planProtection, type ProtectionStep, type ProtectionView, type RestReason } from '../../core/protection/plan.js';
import type { PositionKey } from '../../core/protection/position-key.js';
import { text } from '../../core/money/index.js';
import { createProtection } from '../order/protect.js';
import { createRecord } from '../order/record.js';
import { createResolve, createWithdraw } from '../order/resolve.js';
import { createSubmit } from '../order/submit.js';
import { AccountQueues, type OwnerAuthorisation } from '../order/write-verdict.js';
import type { KillDependencies } from './dependencies.js';
import { each } from '../each.js';

const LEASE_MS = 10_000;
/** At rest for good: nothing that is there could be sold by a stop, and has none. */
const RIGHT: ReadonlySet<RestReason> = new Set<RestReason>(['protected', 'dust', 'short']);
const MOST_STEPS = 10;
/** Before the venue is asked again what became of an order. */
const LOOK_AGAIN_MS = 100;

/** Positions, and stops without one, that stay as they are under the latches. */
function keysToKeep(view: KillView): readonly PositionKey[] {
  const stops = view.working.filter((order) => order.purpose === 'stop');
  const all = [...view.risk.positions, ...stops].map(({ strategy, instrument }) => ({ account: view.risk.account, strategy, instrument }));
  const isFirst = (key: PositionKey, index: number): boolean =>
    all.findIndex((one) => one.strategy === key.strategy && one.instrument === key.instrument) === index;
  return all.filter((key, index) => isFirst(key, index) && policyOver(view, key) === 'none');
}

/** What would be done next for a position if no latch stood: under one that is the kill's to do (P22). */
async function stepFor({ protection }: KillDependencies, key: PositionKey): Promise<{ view: ProtectionView; step: ProtectionStep }> {
  const seen = await protection.readProtection(key);
  const view = { ...seen, risk: { ...seen.risk, latches: [] } };
  return { view, step: planProtection(key, view) };
}

/** Positions that stay and have not exactly their stop. */
export async function missingStops(dependencies: KillDependencies, view: KillView): Promise<Extract<Unverified, { kind: 'stop' }>[]> {
  const missing: Extract<Unverified, { kind: 'stop' }>[] = [];
  for (const key of keysToKeep(view)) {
    const { step } = await stepFor(dependencies, key);
    const isRight = step.kind === 'done' || (step.kind === 'rest' && RIGHT.has(step.because));
    const because = step.kind === 'rest' ? step.because : step.kind;
    if (!isRight) missing.push({ kind: 'stop', strategy: key.strategy, instrument: key.instrument, because });
  }
  return missing;
}

/**
 * Takes the steps of one position's owner, who rests as long as a latch stands, until there is nothing more to do: the orders are the
 * kill's, under its lease (P22).
 * @param owner who holds the lease
 * @returns what tends a position, and answers how many steps it took. `sells`: whether it may also sell what a stop did not.
 */
export function stopTender(dependencies: KillDependencies, owner: string): (key: PositionKey, sells: boolean) => Promise<number> {
  const { kills } = dependencies;
  const orders = kills.ordersAs(owner);
  const risk = { read: async (key: PositionKey) => ({ ...(await orders.readRisk(key)), latches: [] }) };
  const parts = { ...dependencies, store: orders, risk, entriesOf: noEntries };
  const protect = createProtection(parts, dependencies.protection, new AccountQueues());
  const [submit, record, resolve, withdraw] = [createSubmit(parts), createRecord(parts), createResolve(parts), createWithdraw(parts)];
  /** @returns whether another look may bring it further: what the gate or a closed venue refuses now it refuses again. */
  const send = async (asked: OwnerAuthorisation): Promise<boolean> => {
    if (asked.kind !== 'authorised') return false;
    const { intentId, account } = asked.order;
    await record(intentId, await submit(intentId, account));
    return true;
  };
  const take = async (key: PositionKey, step: ProtectionStep, view: ProtectionView): Promise<boolean> => {
    const version = view.basis?.strategyVersion ?? 'unknown';
    if (step.kind === 'settle') await resolve(step.intentId);
    if (step.kind === 'cancel') await withdraw(step.intentId, step.because);
    if (step.kind === 'escape') return send(await protect.authoriseEscape(key, version, step));
    if (step.kind !== 'placeStop') return true;
    const { sequence, quantity, stopPrice, limitPrice } = step.wish;
    const request = { sequence, quantity: text(quantity), stopPrice: text(stopPrice), limitPrice: text(limitPrice) };
    return send(await protect.authoriseStop(key, version, request));
  };
  return async (key, sells) => {
    let taken = 0;
    for (; taken < MOST_STEPS; taken += 1) {
      const { view, step } = await stepFor(dependencies, key);
      if (step.kind === 'rest' || step.kind === 'done' || (step.kind === 'escape' && !sells)) break;
      if (!(await kills.takeLease(key.account, owner, LEASE_MS)).isMine) break;
      if (!(await take(key, step, view))) return taken + 1;
      if (step.kind === 'settle' || step.kind === 'cancel') await dependencies.pause(LOOK_AGAIN_MS);
    }
    return taken;
  };
}

/**
 * Keeps a stop for exactly what is held where a halt sells nothing.
 * @returns how many steps were taken
 */
export function createTendStops(dependencies: KillDependencies): (account: string) => Promise<number> {
  const { kills, newId } = dependencies;
  return async (account) => {
    const owner = newId();
    const tend = stopTender(dependencies, owner);
    let taken = 0;
    try {
      // One of which the venue tells nothing keeps no other without its stop.
      await each(keysToKeep(await kills.readKill(account)), 1, async (key) => {
        taken += await tend(key, true);
      });
      return taken;
    } finally {
      await kills.dropLease(account, owner).catch(() => undefined);
    }
  };
}

function noEntries(): never {
  throw new Error('invariant: a kill makes no entries');
}
