import type { Pool } from 'pg';
import type { RiskKey } from '../../activities/ports/risk.js';
import { KeelsonError } from '../../core/errors.js';
import type { InstrumentRules } from '../../core/order/instrument.js';
import type { StoredOrder } from '../../core/order/stored-order.js';
import type { ApprovedOrder } from '../../core/risk/approved-order.js';
import type { RecentOrders, RiskView, WatchHeartbeat } from '../../core/risk/view.js';
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

const VERSIONS: Statement = {
  name: 'read_account_versions',
  text: 'select r.version::text as risk, c.version::text as control from risk_state r join control c using (account) where account = $1',
};

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
export function watchedAt(risk: AccountRisk, { sampledTime, equityTime, comparedTime }: WatchHeartbeat): AccountRisk {
  const held = risk.account.watch;
  if (held !== undefined && held.sampledTime >= sampledTime) return risk;
  const known = equityTime ?? held?.equityTime;
  return {
    ...risk,
    account: { ...risk.account, watch: { sampledTime, comparedTime, ...(known === undefined ? {} : { equityTime: known }) } },
  };
}

/** Whether the account's state is still of the versions that were read. */
export async function isCurrent(pool: Pool, { account }: AccountRisk): Promise<boolean> {
  const rows = await run<{ risk: string; control: string }>(pool, VERSIONS, [account.account]);
  return rows[0]?.risk === account.riskVersion && rows[0].control === account.controlVersion;
}

/**
 * What the account's state is once an entry was authorised over it, without reading it: the statement adds the order, and moves the
 * version by one. Absent where it did more than that, or where the state is not the one that it was written over; had anything
 * else changed, the version would differ, and the next verdict on this would be refused (P4).
 */
export function withEntry(
  risk: AccountRisk,
  order: StoredOrder,
  { riskVersion, overrides }: Pick<ApprovedOrder, 'riskVersion' | 'overrides'>,
): AccountRisk | undefined {
  const { account, repeats } = risk;
  if (order.purpose !== 'entry' || overrides.length > 0 || account.riskVersion !== riskVersion) return undefined;
  const { intentId, strategy, instrument, leg, side, purpose, status, reservedQuantity, reservedNotional, quote } = order;
  const working = { intentId, strategy, instrument, leg, side, purpose, status, reservedQuantity, reservedNotional, quote };
  const isFirst = order.sequence === 1;
  return {
    ...risk,
    repeats: repeats.map((one) => (isFirst && one[0] === strategy && one[1] === instrument ? [strategy, instrument, one[2] + 1] : one)),
    account: {
      ...account,
      riskVersion: String(BigInt(riskVersion) + 1n),
      workingOrders: [...account.workingOrders, working],
      recentOrders: withRecent(account.recentOrders, order),
    },
  };
}

/** The row's time was cut down to a millisecond; the ledger counts from the one that has begun. */
function withRecent({ times, entries }: RecentOrders, { strategy, instrument, sequence, createdTime }: StoredOrder): RecentOrders {
  const time = createdTime + 1;
  const others = entries.filter((one) => one[0] !== strategy || one[1] !== instrument);
  return {
    times: { ...times, [strategy]: [time, ...(times[strategy] ?? [])] },
    entries: sequence === 1 ? [...others, [strategy, instrument, time]] : entries,
  };
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
