import type { Pool } from 'pg';
import type { RiskKey } from '../../activities/ports/risk.js';
import { KeelsonError } from '../../core/errors.js';
import type { InstrumentRules } from '../../core/order/instrument.js';
import type { RiskView, WatchHeartbeat } from '../../core/risk/view.js';
import { riskViewOf, type ToldView } from './order-store.js';
import { run, type Statement } from './pool.js';

/** An account with all its strategies and instruments, of one moment. */
export interface AccountRisk {
  /** What is the same for every strategy and instrument. */
  readonly account: ToldView;
  readonly activeVersions: readonly (readonly [strategy: string, instrument: string, version: string])[];
  /** Entries in a row of each of them. */
  readonly repeats: readonly (readonly [strategy: string, instrument: string, count: number])[];
  /** Reasons, by strategy. */
  readonly disabled: Readonly<Record<string, string>>;
  /** Reasons, by instrument. */
  readonly blocked: Readonly<Record<string, string>>;
  /** Rules of the instruments that have an active strategy; no other can pass the gate. */
  readonly instruments: Readonly<Record<string, InstrumentRules>>;
}

type Answer = Omit<AccountRisk, 'account'> & { readonly view: ToldView };

const READ: Statement = { name: 'read_account_risk', text: 'select read_account_risk($1) as answer, read_watch($1) as watch' };

/** @throws KeelsonError INFRA_DATABASE, INPUT_UNKNOWN_ACCOUNT. */
export async function readAccountRisk(pool: Pool, name: string): Promise<AccountRisk> {
  const rows = await run<{ answer: Answer | null; watch: WatchHeartbeat | null }>(pool, READ, [name]);
  const answer = rows[0]?.answer;
  if (answer === undefined || answer === null) {
    throw new KeelsonError('INPUT_UNKNOWN_ACCOUNT', { account: name, known: 'see keelson status' });
  }
  const { view, ...particular } = answer;
  const watch = rows[0]?.watch;
  return { account: { ...view, ...(watch ? { watch } : {}) }, ...particular };
}

/** The same with a later sample of the account watch; an earlier one changes nothing. */
export function watchedAt(risk: AccountRisk, { sampledTime, equityTime }: WatchHeartbeat): AccountRisk {
  const held = risk.account.watch;
  if (held !== undefined && held.sampledTime >= sampledTime) return risk;
  const known = equityTime ?? held?.equityTime;
  return { ...risk, account: { ...risk.account, watch: { sampledTime, ...(known === undefined ? {} : { equityTime: known }) } } };
}

/** The view of one strategy on one instrument, `elapsedMs` after it was read: the database's clock has gone on meanwhile. */
export function viewOf(risk: AccountRisk, key: RiskKey, elapsedMs: number): RiskView {
  const { account } = risk;
  const { strategy, instrument } = key;
  const isAsked = (one: readonly [strategy: string, instrument: string, ...rest: unknown[]]): boolean =>
    one[0] === strategy && one[1] === instrument;
  const activeVersion = risk.activeVersions.find(isAsked)?.[2];
  const disabled = risk.disabled[strategy];
  const blocked = risk.blocked[instrument];
  const rules = risk.instruments[instrument];
  return {
    ...riskViewOf(account, key),
    databaseTime: account.databaseTime + Math.round(elapsedMs),
    repeats: risk.repeats.find(isAsked)?.[2] ?? 0,
    ...(activeVersion === undefined ? {} : { activeVersion }),
    ...(disabled === undefined ? {} : { disabled }),
    ...(blocked === undefined ? {} : { blocked }),
    ...(rules === undefined ? {} : { instrument: rules }),
  };
}
