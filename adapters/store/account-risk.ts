import type { Pool } from 'pg';
import type { RiskKey } from '../../activities/ports/risk.js';
import type { InstrumentRules } from '../../core/order/instrument.js';
import type { RiskView, WatchHeartbeat } from '../../core/risk/view.js';
import { riskViewOf } from './order-store.js';
import { run, type Statement } from './pool.js';

/** An account with all its strategies and instruments, of one moment. */
export interface AccountRisk {
  /** What is the same for every strategy and instrument. */
  readonly account: Omit<RiskView, 'activeVersion' | 'blocked' | 'instrument'>;
  readonly activeVersions: readonly (readonly [strategy: string, instrument: string, version: string])[];
  /** Reasons, by instrument. */
  readonly blocked: Readonly<Record<string, string>>;
  /** Rules of the instruments that have an active strategy; no other can pass the gate. */
  readonly instruments: Readonly<Record<string, InstrumentRules>>;
}

type Answer = Omit<AccountRisk, 'account'> & { readonly view: RiskView };

const READ: Statement = { name: 'read_account_risk', text: 'select read_account_risk($1) as answer, read_watch($1) as watch' };

/** @throws KeelsonError INFRA_DATABASE, INPUT_UNKNOWN_ACCOUNT. */
export async function readAccountRisk(pool: Pool, name: string): Promise<AccountRisk> {
  const rows = await run<{ answer: Answer | null; watch: WatchHeartbeat | null }>(pool, READ, [name]);
  const answer = rows[0]?.answer;
  const account = riskViewOf(answer?.view, name, rows[0]?.watch);
  const { activeVersions = [], blocked = {}, instruments = {} } = answer ?? {};
  return { account, activeVersions, blocked, instruments };
}

/** The same with a later sample of the account watch; an earlier one changes nothing. */
export function watchedAt(risk: AccountRisk, { sampledTime, equityTime }: WatchHeartbeat): AccountRisk {
  const held = risk.account.watch;
  if (held !== undefined && held.sampledTime >= sampledTime) return risk;
  const known = equityTime ?? held?.equityTime;
  return { ...risk, account: { ...risk.account, watch: { sampledTime, ...(known === undefined ? {} : { equityTime: known }) } } };
}

/** The view of one strategy on one instrument, `elapsedMs` after it was read: the database's clock has gone on meanwhile. */
export function viewOf(risk: AccountRisk, { strategy, instrument }: RiskKey, elapsedMs: number): RiskView {
  const { account } = risk;
  const activeVersion = risk.activeVersions.find((one) => one[0] === strategy && one[1] === instrument)?.[2];
  const blocked = risk.blocked[instrument];
  const rules = risk.instruments[instrument];
  return {
    ...account,
    databaseTime: account.databaseTime + Math.round(elapsedMs),
    ...(activeVersion === undefined ? {} : { activeVersion }),
    ...(blocked === undefined ? {} : { blocked }),
    ...(rules === undefined ? {} : { instrument: rules }),
  };
}
