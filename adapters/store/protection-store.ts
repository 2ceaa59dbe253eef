import type { Pool } from 'pg';
import type { ProtectionStore } from '../../activities/ports/store.js';
import { decimalTextOf, ZERO_TEXT } from '../../core/money/index.js';
import { isAdoptedSale } from '../../core/order/stored-order.js';
import { oversoldOf, VIEW_FORM, type ProtectionView } from '../../core/protection/plan.js';
import type { PositionKey } from '../../core/protection/position-key.js';
import { riskViewOf, type ToldView } from './order-store.js';
import { run } from './pool.js';

const READ_PROTECTION = { name: 'read_protection', text: 'select read_protection($1, $2, $3) as answer' };
const UNPROTECTED = { name: 'unprotected_positions', text: 'select unprotected_positions($1) as answer' };
const END_TAKEN = { name: 'end_taken_stops', text: 'select end_taken_stops($1)' };
const HELD = { name: 'held', text: 'select strategy, instrument from positions where account = $1 and quantity <> 0' };
const LAST_MARK = {
  name: 'last_mark',
  // However old it is, and whatever its interval: whoever asks has no other price (P19).
  text: `select price_at(venue, $2, ${Number.MAX_SAFE_INTEGER}, ${Number.MAX_SAFE_INTEGER}) as close from accounts where account = $1`,
};

type Told = Omit<ProtectionView, 'risk' | 'adopted' | 'oversold' | 'form'> & { readonly risk: ToldView };

/** What the owners of positions read from Postgres. @throws KeelsonError INFRA_DATABASE from every method. */
export function createProtectionStore(pool: Pool): ProtectionStore {
  return {
    async readProtection(key) {
      const rows = await run<{ answer: Told }>(pool, READ_PROTECTION, [key.account, key.strategy, key.instrument]);
      const view = rows[0]?.answer;
      const risk = riskViewOf(view?.risk, key);
      const told = view as Told;
      const sales = told.working.filter(isAdoptedSale);
      const held = risk.positions.find((one) => one.strategy === key.strategy && one.instrument === key.instrument)?.quantity ?? ZERO_TEXT;
      return { ...told, risk, adopted: sales.map(({ intentId }) => intentId), oversold: oversoldOf(held, sales), form: VIEW_FORM };
    },
    async lastMark({ account, instrument }) {
      const rows = await run<{ close: string | null }>(pool, LAST_MARK, [account, instrument]);
      const close = rows[0]?.close ?? undefined;
      return close === undefined ? undefined : decimalTextOf(close);
    },
    async held(account) {
      const rows = await run<Omit<PositionKey, 'account'>>(pool, HELD, [account]);
      return rows.map(({ strategy, instrument }) => ({ account, strategy, instrument }));
    },
    async unprotected(account) {
      const rows = await run<{ answer: readonly Omit<PositionKey, 'account'>[] }>(pool, UNPROTECTED, [account]);
      return (rows[0]?.answer ?? []).map((one) => ({ account, ...one }));
    },
    async endTakenStops(account) {
      await run(pool, END_TAKEN, [account]);
    },
  };
}
