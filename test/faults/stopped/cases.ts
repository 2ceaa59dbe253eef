import { randomUUID } from 'node:crypto';
import type { Pool } from 'pg';
import { seedPerson } from '../../support/people.js';
import type { AskedStatement } from '../programs/statement.js';

const LONG_MS = 3_600_000;
const REASON = 'a test';

/**
 * Statements that no order and no watch of a stack sends by itself: of people, of runbooks and of comparisons, each at a moment when it does
 * what it is for.
 */
export class OtherStatements {
  private readonly pool: Pool;
  private readonly account: string;
  private readonly instrument: string;

  constructor(pool: Pool, account: string, instrument: string) {
    this.pool = pool;
    this.account = account;
    this.instrument = instrument;
  }

  async tightenLimit(): Promise<AskedStatement> {
    const { account } = this;
    return asked('tighten_limit', { ...(await this.limit('4000')), account, ...(await this.person()) });
  }

  async applyLimitRequest(): Promise<AskedStatement> {
    return asked('apply_limit_request', { requestId: await this.request('loosenLimit', await this.limit('20000')) });
  }

  async endOverride(): Promise<AskedStatement> {
    const payload = { instrument: this.instrument, key: 'maxOrderNotional', value: '20000', isForOneOrder: true, validForMs: LONG_MS };
    const overrideId = await this.request('overrideLimit', payload);
    await this.pool.query(
      `insert into limit_overrides (override_id, account, instrument, limit_key, value, for_one_order, subject, reason, expires_at)
         values ($1, $2, $3, 'maxOrderNotional', '20000', true, 'somebody', $4, clock_timestamp() + interval '1 hour')`,
      [overrideId, this.account, this.instrument, REASON],
    );
    return asked('end_override', { overrideId, ...(await this.person()) });
  }

  async decideDifference(): Promise<AskedStatement> {
    const runId = randomUUID();
    await this.pool.query(`insert into reconciliation_runs (run_id, account, scope) values ($1, $2, 'demand')`, [runId, this.account]);
    const { rows } = await this.pool.query<{ id: string }>(
      `insert into reconciliation_differences (account, class, seen_as, subject, fingerprint, treatment, status, deltas, evidence, first_run, last_run)
         values ($1, 'unknown', 'unknown', $2, 'x', 'person', 'open', '{}', '{}', $3, $3) returning difference_id::text as id`,
      [this.account, randomUUID(), runId],
    );
    return asked('decide_difference', { differenceId: rows[0]?.id, decision: 'reject', ...(await this.person()) });
  }

  async rebuildLedger(): Promise<AskedStatement> {
    return asked('rebuild_ledger', { account: this.account, positions: [], lastBooking: '-1', ...(await this.person()) });
  }

  /** Of an account that was paused while the database's clock was ahead. */
  async beginReconciliationLook(): Promise<AskedStatement> {
    await this.pool.query(
      `update control set reconciliation_hold = jsonb_build_object('since', clock_timestamp() + interval '1 hour', 'was', 'normal', 'classes', '[]'::jsonb)
         where account = $1`,
      [this.account],
    );
    const { rows } = await this.pool.query<{ epoch: number }>('select epoch from instance');
    const look = { owner: 'nobody', forMs: 60_000, runId: randomUUID(), scope: 'minute' };
    return asked('begin_reconciliation_look', { account: this.account, epoch: rows[0]?.epoch, ...look });
  }

  async writeReconciliationLook(): Promise<AskedStatement> {
    const { rows } = await this.pool.query<{ epoch: number }>('select epoch from instance');
    return asked('write_reconciliation_look', { account: this.account, epoch: rows[0]?.epoch, owner: 'nobody', changes: [] });
  }

  async endReconciliationLook(): Promise<AskedStatement> {
    return asked('end_reconciliation_look', { account: this.account, owner: 'nobody', result: 'clean' });
  }

  async carryDiscrepancies(): Promise<AskedStatement> {
    return { name: 'carry_discrepancies', text: 'select carry_discrepancies($1) as answer', values: [this.account] };
  }

  async beginRunbook(): Promise<AskedStatement> {
    return asked('begin_runbook', { runId: await this.run('gracefulShutdown'), runsUnderHalt: false });
  }

  async changeRunbookHold(): Promise<AskedStatement> {
    const runId = await this.run('gracefulShutdown', 'at work');
    return asked('change_runbook_hold', { runId, what: 'hold', mode: 'reduceOnly', reason: REASON });
  }

  async endRunbook(): Promise<AskedStatement> {
    // Its end is followed by a look at what it was for.
    const runId = await this.run('reconciliationDiscrepancy', 'at work');
    return asked('end_runbook', { runId, status: 'completed' });
  }

  async beginSystemStart(): Promise<AskedStatement> {
    const { account } = this;
    return asked('begin_system_start', { account, start: randomUUID(), runId: randomUUID(), resource: `account:${account}` });
  }

  async freezeForOutage(): Promise<AskedStatement> {
    return { name: 'freeze_for_outage', text: 'select freeze_for_outage($1) as answer', values: [await this.outage()] };
  }

  async resumeAfterOutage(): Promise<AskedStatement> {
    return asked('resume_after_outage', { runId: await this.outage(), lifts: [], repeatedWithinMs: 0 });
  }

  async takeKillLease(): Promise<AskedStatement> {
    return asked('take_kill_lease', { account: this.account, owner: 'somebody', forMs: LONG_MS });
  }

  /** The end of a halt: it is written over no other. */
  async writeKill(): Promise<AskedStatement> {
    const state = { unverified: [], dust: [], kept: [] };
    return asked('write_kill', { account: this.account, phase: 'released', state, evidence: null, isDirect: false, againMs: 0 });
  }

  async bookMovement(): Promise<AskedStatement> {
    const movement = {
      movementId: randomUUID(),
      account: this.account,
      kind: 'deposit',
      asset: 'USDT',
      amount: '1',
      eventTime: Date.now(),
    };
    return asked('book_movement', { ...movement, venueReference: randomUUID(), ...(await this.person()) });
  }

  /** @param intentId of an order of which nothing has been known for more than a minute */
  async decideOrder(intentId: string): Promise<AskedStatement> {
    await this.pool.query(
      `update orders set status = 'unknown', updated_at = clock_timestamp() - interval '61 seconds' where intent_id = $1`,
      [intentId],
    );
    return asked('decide_order', { intentId, message: REASON, ...(await this.person()) });
  }

  private async limit(value: string): Promise<object> {
    const where = { scope: 'account', scopeValue: this.account, account: this.account, key: 'maxOrderNotional' };
    const { rows } = await this.pool.query<{ version: number }>(
      `select coalesce(max(version), 0)::int as version from limits where scope = 'account' and account = $1 and limit_key = $2`,
      [this.account, where.key],
    );
    return { ...where, value, version: rows[0]?.version };
  }

  private async person(): Promise<{ readonly subject: string; readonly underKey: string; readonly reason: string }> {
    const subject = `p-${randomUUID()}`;
    return { subject, underKey: await seedPerson(this.pool, subject, ['risk']), reason: REASON };
  }

  private async request(action: string, payload: object): Promise<string> {
    const requestId = randomUUID();
    const request = { requestId, action, account: this.account, payload, validForMs: LONG_MS, ...(await this.person()) };
    await this.pool.query('select request_approval($1)', [request]);
    return requestId;
  }

  private async run(runbook: string, state: 'asked' | 'at work' = 'asked'): Promise<string> {
    const runId = randomUUID();
    const run = { runId, runbook, account: this.account, resource: `${runbook}:${runId}`, inputs: {}, reason: REASON };
    await this.pool.query('select ask_runbook($1)', [run]);
    if (state === 'at work') await this.pool.query('insert into runbook_locks (resource, run_id) values ($1, $2)', [run.resource, runId]);
    return runId;
  }

  /** @returns the run that looks after it */
  private async outage(): Promise<string> {
    const runId = await this.run('venueDisconnected', 'at work');
    await this.pool.query('update outages set over_at = clock_timestamp() where over_at is null');
    await this.pool.query(
      `insert into outages (account, causes, began_at, run_id) values ($1, '["noMarketData"]', clock_timestamp(), $2)`,
      [this.account, runId],
    );
    return runId;
  }
}

const asked = (call: string, input: object): AskedStatement => ({
  name: call,
  text: `select ${call}($1::jsonb) as answer`,
  values: [JSON.stringify(input)],
});
