import { randomUUID } from 'node:crypto';
import type { WorkflowHandle } from '@temporalio/client';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { openHaltStore, type HaltStore } from '../../adapters/store/halt-store.js';
import type { Latch } from '../../core/control/mode.js';
import { seedPerson } from '../../test/support/people.js';
import { temporalIfAny } from '../../test/support/temporal.js';
import { ACCOUNT, openTradingStack, startWorker, type StackWorker, type TradingStack } from '../../test/support/trading-stack.js';
import { killWorkflowId } from '../names.js';
import { killStateQuery, rearmUpdate, type RearmAnswer } from './messages.js';

const temporal = await temporalIfAny();
const LIMIT = { timeout: 30_000, interval: 20 };
const WHOLE: Latch = { scope: 'account', scopeValue: ACCOUNT };
const PART: Latch = { scope: 'strategy', scopeValue: 'momentum' };

describe.skipIf(temporal === undefined)('killSwitch, where several halts stand over one account', () => {
  let stack: TradingStack;
  let worker: StackWorker;
  let halts: HaltStore;
  /** Keys of two people with the role risk. */
  let keys: { readonly rik: string; readonly olga: string };

  beforeAll(async () => {
    stack = await openTradingStack();
    halts = openHaltStore(stack.database.url);
    keys = { rik: await seedPerson(stack.pool, 'rik', ['risk']), olga: await seedPerson(stack.pool, 'olga', ['risk']) };
    if (temporal !== undefined) worker = await startWorker(stack, temporal);
  });
  afterAll(async () => {
    await halts?.close();
    await worker?.stop();
    await stack?.close();
  });

  const kill = (): WorkflowHandle => worker.client.workflow.getHandle(killWorkflowId(ACCOUNT));
  const halt = async (latch: Latch): Promise<string> =>
    (await halts.latch(latch, { subject: 'watch', underKey: null, reason: 'a test', policy: 'none' })).latchId;
  /** Its file is written, and it is of these halts at least. */
  const concluded = (...latchIds: string[]) =>
    vi.waitFor(async () => {
      const state = (await kill().query(killStateQuery)) as { phase: string; doing: string; evidence: { latchIds?: string[] } | null };
      expect(state).toMatchObject({ phase: 'verified', doing: 'the venue has shown the target twice; the latch stands' });
      expect(state.evidence?.latchIds).toEqual(expect.arrayContaining(latchIds));
    }, LIMIT);
  const openIncidents = async (): Promise<string[]> => {
    const { rows } = await stack.pool.query<{ id: string }>(
      'select incident_id::text as id from incidents where closed_at is null order by incident_id',
    );
    return rows.map(({ id }) => id);
  };
  /** Two people end it, who have looked into these incidents. */
  const ended = async (latchId: string, incidents: readonly string[]): Promise<RearmAnswer> => {
    const requestId = randomUUID();
    const request = { requestId, latchId, reason: 'a test', incidents, subject: 'rik', underKey: keys.rik, validForMs: 600_000 };
    await stack.pool.query('select request_rearm($1)', [request]);
    const { rows } = await stack.pool.query<{ hash: string }>(
      `select encode(payload_sha256, 'hex') as hash from approval_requests where request_id = $1`,
      [requestId],
    );
    const decision = { requestId, decision: 'approved', reason: 'seen', subject: 'olga', keyId: keys.olga, payloadHash: rows[0]?.hash };
    await stack.pool.query('select decide_approval($1)', [decision]);
    return kill().executeUpdate(rearmUpdate, { args: [{ latchId, requestId }] });
  };

  it.each([
    ['the narrow one', PART, WHOLE],
    ['the wide one', WHOLE, PART],
  ])('%s ends, then the other: the end of the first is no incident that is in the way of the second’s', async (_, first, second) => {
    const [one, other] = [await halt(first), await halt(second)];
    await concluded(one, other);
    const known = await openIncidents();
    expect(known.length).toBeGreaterThan(0);
    expect(await ended(one, known)).toEqual({ kind: 'released' });
    await concluded(other);
    expect(await openIncidents()).toEqual(known);
    expect(await ended(other, known)).toEqual({ kind: 'released' });
    await kill().result();
    expect(await openIncidents()).toEqual(known);
    await stack.pool.query('update incidents set closed_at = clock_timestamp()');
  });
});
