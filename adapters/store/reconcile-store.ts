import type { Pool } from 'pg';
import type { BegunLook, LedgerAnswer, ReconcileStore, WrittenLook } from '../../activities/ports/reconcile.js';
import { KeelsonError } from '../../core/errors.js';
import { jsonOf, run as statement } from './pool.js';

const BEGIN = { name: 'begin_reconciliation_look', text: 'select begin_reconciliation_look($1::jsonb) as answer' };
const READ = { name: 'read_reconciliation', text: 'select read_reconciliation($1::jsonb) as answer' };
const WRITE = { name: 'write_reconciliation_look', text: 'select write_reconciliation_look($1::jsonb) as answer' };
const NOTE = { name: 'note_reconciliation_repair', text: 'select note_reconciliation_repair($1::jsonb)' };
const ROUND = { name: 'book_rounding', text: 'select book_rounding($1::jsonb) as answer' };
const END = { name: 'end_reconciliation_look', text: 'select end_reconciliation_look($1::jsonb)' };
const PRUNE = { name: 'prune_reconciliation_runs', text: 'select prune_reconciliation_runs($1)' };
const LAST_CLEAN = { name: 'last_clean_reconciliation', text: 'select last_clean_reconciliation($1) as answer' };
const CLEAN_FOR = { name: 'clean_for', text: 'select clean_for($1::jsonb) as answer' };

type Begun =
  | ({ readonly result: 'mine'; readonly cursor: number | null } & Omit<BegunLook, 'owner' | 'cursor'>)
  | { readonly result: 'busy' | 'epoch' };

type Written = ({ readonly result: 'written' } & WrittenLook) | { readonly result: 'busy' | 'epoch' };

/**
 * The rows of reconciliation in Postgres.
 * @param readPool for the one statement that reads the books, which may take longer than those that lock something.
 */
export function createReconcileStore(pool: Pool, readPool: Pool = pool): ReconcileStore {
  const answer = async <T>(which: { readonly name: string; readonly text: string }, value: unknown, from = pool): Promise<T | null> => {
    const rows = await statement<{ answer: T | null }>(from, which, [value]);
    return rows[0]?.answer ?? null;
  };
  const refuse = (result: 'busy' | 'epoch', account: string): never => {
    if (result === 'epoch') throw new KeelsonError('RISK_EPOCH', { epoch: 'of this work', current: 'newer' });
    throw new KeelsonError('INFRA_RECONCILING', { account });
  };
  return {
    async begin(run, lease) {
      const got = await answer<Begun>(BEGIN, jsonOf({ ...run, ...lease }));
      if (got === null) throw new KeelsonError('INPUT_UNKNOWN_ACCOUNT', { account: run.account, known: 'see keelson status' });
      if (got.result !== 'mine') return refuse(got.result, run.account);
      const { result: _, cursor, ...begun } = got;
      return { ...begun, owner: lease.owner, cursor: cursor ?? undefined };
    },
    async read(question) {
      const got = await answer<LedgerAnswer>(READ, jsonOf(question), readPool);
      if (got === null) throw new KeelsonError('INPUT_UNKNOWN_ACCOUNT', { account: question.account, known: 'see keelson status' });
      return got;
    },
    async write(run, owner, epoch, look) {
      const got = await answer<Written>(WRITE, jsonOf({ ...run, owner, epoch, ...look }));
      if (got?.result !== 'written') return refuse(got?.result ?? 'busy', run.account);
      return { standing: got.standing, isOvertaken: got.isOvertaken };
    },
    async bookRounding(differenceId, epoch) {
      const got = await answer<{ result: string; why?: string }>(ROUND, jsonOf({ differenceId, epoch }));
      if (got?.result !== 'booked') throw new Error(got?.why ?? `the rounding was not booked: ${got?.result ?? 'no answer'}`);
    },
    async noteRepair(id, repair, failed) {
      await answer(NOTE, jsonOf({ id, repair, failed }));
    },
    async end(run, { owner, began }, outcome) {
      await answer(END, jsonOf({ ...run, owner, began, ...outcome }));
    },
    async prune(account) {
      await answer(PRUNE, account);
    },
    async lastClean(account) {
      const got = await answer<string>(LAST_CLEAN, account);
      return got === null ? undefined : Number(got);
    },
    async cleanFor({ account, runId }) {
      const got = await answer<string>(CLEAN_FOR, jsonOf({ account, runId }));
      return got === null ? undefined : Number(got);
    },
  };
}
