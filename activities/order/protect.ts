import { failure } from '../../core/errors.js';
import { midOf } from '../../core/ledger/mid.js';
import { decimal, type DecimalText } from '../../core/money/index.js';
import type { PositionKey } from '../../core/protection/position-key.js';
import { escapeIntentId, stopIntentId } from '../../core/protection/position-key.js';
import { FILLED_FORM, type ProtectionView } from '../../core/protection/plan.js';
import { decideEscape, decideStop } from '../../core/risk/protective.js';
import { PROTOCOL } from '../../core/risk/limits.js';
import type { ProtectionStore } from '../ports/store.js';
import type { OrderDependencies } from './dependencies.js';
import { viewToLeave } from './reference-price.js';
import { venueClosed, writeVerdict, type AccountQueues, type OwnerAuthorisation } from './write-verdict.js';

/** A stop as it travels in a workflow: decimals as text. */
export interface StopRequest {
  readonly sequence: number;
  readonly quantity: DecimalText;
  readonly stopPrice: DecimalText;
  readonly limitPrice: DecimalText;
}

export interface EscapeRequest {
  readonly sequence: number;
  readonly collarBps: number;
}

/** The steps of a position's owner that are not an order's. */
export interface ProtectionActivities {
  /** @param form of the view that the workflow knows: none for those of builds up to 0.4, which are given what those knew. */
  look(key: PositionKey, form?: number): Promise<ProtectionView>;
  authoriseStop(key: PositionKey, strategyVersion: string, request: StopRequest): Promise<OwnerAuthorisation>;
  authoriseEscape(key: PositionKey, strategyVersion: string, request: EscapeRequest): Promise<OwnerAuthorisation>;
  /** Tells people, once for each cause. */
  page(key: PositionKey, cause: string, detail: object): Promise<void>;
}

export function createProtection(
  dependencies: OrderDependencies,
  protection: Pick<ProtectionStore, 'readProtection' | 'lastMark'>,
  queues: AccountQueues,
): ProtectionActivities {
  const { store, venueOf, live } = dependencies;
  return {
    async look(key, form) {
      const { form: newest, oversold, filled, ...before } = await protection.readProtection(key);
      if (form === undefined || newest === undefined || oversold === undefined) return before;
      const known = { ...before, oversold, form: Math.min(form, newest) };
      return known.form < FILLED_FORM || filled === undefined ? known : { ...known, filled };
    },

    async authoriseStop(key, strategyVersion, { sequence, quantity, stopPrice, limitPrice }) {
      const closed = venueClosed(venueOf(key.account));
      if (closed !== undefined) return closed;
      return queues.run(key.account, () =>
        writeVerdict(dependencies, {
          intent: { ...key, strategyVersion, intentId: stopIntentId(key, sequence), leg: 'close', purpose: 'stop', sequence },
          signal: null,
          authorisedForMs: () => PROTOCOL.authorisedForMs,
          decide: (ledger) => {
            const wish = { sequence, quantity: decimal(quantity), stopPrice: decimal(stopPrice), limitPrice: decimal(limitPrice) };
            return decideStop(key, wish, ledger);
          },
        }),
      );
    },

    async authoriseEscape(key, strategyVersion, request) {
      const { account, instrument } = key;
      const closed = venueClosed(venueOf(account));
      if (closed !== undefined) return closed;
      const { price, book } = await viewToLeave(live, venueOf(account), account, instrument);
      const last = price?.price ?? (await protection.lastMark(key));
      const { sequence } = request;
      if (last === undefined) {
        return { kind: 'denied', failures: [failure('RISK_PRICE_MISSING', { instrument })] };
      }
      return queues.run(account, () =>
        writeVerdict(dependencies, {
          intent: { ...key, strategyVersion, intentId: escapeIntentId(key, sequence), leg: 'close', purpose: 'escape', sequence },
          signal: null,
          authorisedForMs: () => PROTOCOL.authorisedForMs,
          arrival: { price: last, mid: midOf(book) },
          decide: (ledger) => decideEscape(key, request, ledger, decimal(last)),
        }),
      );
    },

    async page({ account, strategy, instrument }, cause, detail) {
      const incidentKey = `${cause}:${account}:${strategy}:${instrument}:${JSON.stringify(detail)}`;
      const data = { strategy, instrument, ...detail };
      await store.openIncident({ incidents: [{ key: incidentKey, account, kind: cause, data }] });
    },
  };
}
