import type { Pool } from 'pg';
import type { EvidenceFile, KillEvidence, KillStore, Lease } from '../../activities/ports/kill.js';
import type { OrderStore } from '../../activities/ports/store.js';
import type { UnusableState } from '../../core/people/approvals.js';
import { KeelsonError } from '../../core/errors.js';
import { againMs } from '../../core/kill/pace.js';
import type { KillView } from '../../core/kill/view.js';
import { createOrderStore, riskViewOf, type ToldView } from './order-store.js';
import { jsonOf, run, runAnew } from './pool.js';

const READ = { name: 'read_kill', text: 'select read_kill($1) as answer' };
const TAKE_LEASE = { name: 'take_kill_lease', text: 'select take_kill_lease($1::jsonb) as answer' };
const DROP_LEASE = { name: 'drop_kill_lease', text: 'select drop_kill_lease($1::jsonb)' };
const WRITE = { name: 'write_kill', text: 'select write_kill($1::jsonb)' };
const TOUCH = { name: 'touch_kill', text: 'select touch_kill($1)' };
const OBSERVE = { name: 'observe_kill', text: 'select observe_kill($1::jsonb)' };
const RELEASE = { name: 'release_latch', text: 'select release_latch($1::jsonb) as answer' };
const WRITTEN_BEFORE = {
  name: 'evidence_written_before',
  text: `select data->'evidence' as file, epoch_ms(opened_at) as time from incidents where incident_key = $1
    and opened_at > (select max(called_at) from latches where latch_id = any ($2::uuid[]))`,
};
const WRITTEN_LAST = {
  name: 'evidence_written_last',
  // Up to 0.7.0 only the name of the incident told it, and nothing of runs without Temporal.
  text: `select k.evidence as file, coalesce(k.evidence->'of', (
      select to_jsonb(string_to_array(substr(i.incident_key, length('halt:' || k.account || ':') + 1), '+')) from incidents i
        where i.account = k.account and i.kind = 'halt' and i.data->'evidence'->>'path' = k.evidence->>'path'
        order by i.incident_id desc limit 1)) as of
    from kills k where k.account = $1 and k.evidence is not null
      and k.evidence_at > (select max(called_at) from latches where latch_id = any ($2::uuid[]))`,
};
const EVIDENCE = { name: 'kill_evidence', text: 'select kill_evidence($1) as answer' };

type ToldKill = Omit<KillView, 'risk'> & { readonly risk: ToldView };

type ReleaseAnswer =
  | { readonly result: 'released' }
  | { readonly result: 'notApproved'; readonly state: UnusableState }
  | { readonly result: 'notClean'; readonly found: string }
  | { readonly result: 'notReconciled'; readonly found: string; readonly accounts: readonly string[] };

/**
 * What kills read and write in Postgres. A statement that loses against another one is run anew: a halt does not stop at that.
 * @param wrap what stands between the kill and the ledger of orders, in programs other than the product's.
 * @param readPool for the evidence, which may take longer to read than statements that lock something.
 */
export function createKillStore(pool: Pool, wrap: (store: OrderStore) => OrderStore = (store) => store, readPool: Pool = pool): KillStore {
  return {
    async readKill(account) {
      const rows = await run<{ answer: ToldKill }>(pool, READ, [account]);
      const view = rows[0]?.answer;
      // Of the account as a whole: no limit of one strategy or instrument bounds a kill.
      const risk = riskViewOf(view?.risk, { account, strategy: '', instrument: '' });
      return { ...(view as ToldKill), risk };
    },
    async takeLease(account, owner, forMs) {
      const rows = await runAnew<{ answer: Lease }>(pool, TAKE_LEASE, [jsonOf({ account, owner, forMs })]);
      return rows[0]?.answer ?? { isMine: false, owner: 'unknown', remainingMs: forMs };
    },
    async dropLease(account, owner) {
      await runAnew(pool, DROP_LEASE, [jsonOf({ account, owner })]);
    },
    ordersAs: (leaseOwner) => wrap(createOrderStore(pool, leaseOwner)),
    async writeKill(account, phase, state, evidence, isDirect = false) {
      await runAnew(pool, WRITE, [jsonOf({ account, phase, state, evidence, isDirect, againMs: againMs(phase, state) })]);
    },
    async touchKill(account) {
      await runAnew(pool, TOUCH, [account]);
    },
    async observe(account, kind, data) {
      await runAnew(pool, OBSERVE, [jsonOf({ account, kind, data })]);
    },
    async release(latchId, requestId) {
      const rows = await runAnew<{ answer: ReleaseAnswer }>(pool, RELEASE, [jsonOf({ latchId, requestId })]);
      const answer = rows[0]?.answer ?? { result: 'notClean', found: 'the database gave no answer' };
      if (answer.result === 'released') return { kind: 'released' };
      if (answer.result === 'notApproved') return { kind: 'notApproved', state: answer.state };
      if (answer.result === 'notReconciled') {
        return { kind: 'notClean', found: answer.found, unreconciled: answer.accounts };
      }
      return { kind: 'notClean', found: answer.found };
    },
    async writtenBefore(incidentKey, latchIds) {
      const rows = await run<{ file: EvidenceFile; time: string }>(pool, WRITTEN_BEFORE, [incidentKey, latchIds]);
      const written = rows[0];
      return written && { file: written.file, time: Number(written.time) };
    },
    async writtenLast(account, latchIds) {
      const rows = await run<{ file: EvidenceFile; of: string[] | null }>(pool, WRITTEN_LAST, [account, latchIds]);
      const last = rows[0];
      return last && { file: last.file, of: last.of ?? [] };
    },
    async evidence(account) {
      const rows = await run<{ answer: KillEvidence }>(readPool, EVIDENCE, [account]);
      const answer = rows[0]?.answer;
      if (answer === undefined) throw new KeelsonError('INFRA_DATABASE', { detail: 'the evidence had no answer' });
      return answer;
    },
  };
}
