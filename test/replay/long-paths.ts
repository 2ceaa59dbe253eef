import type { Client, WorkflowHandle } from '@temporalio/client';
import type { ExecutionPolicy } from '../../core/execution/policy.js';
import type { TradeSignal } from '../../core/signal/signal.js';
import { ownerWorkflowId, type PositionKey } from '../../core/protection/position-key.js';
import { HISTORY_LIMIT } from '../../workflows/order/settle.js';
import { SIGNAL_FORM } from '../../workflows/names.js';
import { eventually } from '../support/eventually.js';
import { VENUE_ACCOUNT } from '../support/paper-account.js';
import type { TradingStack } from '../support/trading-stack.js';
import type { Taken } from './paths.js';

/** What the other paths do, and these begin with. */
interface Scene {
  readonly stack: TradingStack;
  readonly client: Client;
  readonly key: PositionKey;
  readonly start: (type: string, args: unknown[]) => Promise<WorkflowHandle & { readonly firstExecutionRunId: string }>;
  readonly signal: () => TradeSignal;
  /** Its stop rests. */
  readonly resting: () => Promise<unknown>;
  readonly closed: () => Promise<unknown>;
  /** Opens, lets this happen, and waits for the end of the position's owner. */
  owner(happens: () => Promise<unknown>): Promise<Taken>;
  /** Entries are worked so from now on. */
  readonly execute: (policy?: ExecutionPolicy) => void;
}

/** So many signals on their way at once. */
const AT_ONCE = 100;
const LIMIT_MS = 90_000;

/** Paths that take thousands of events, or what only another hand can do to a position. */
export function longPaths(scene: Scene) {
  const { stack, client, key, resting, closed } = scene;

  /** Tells the first run of a workflow nothing, until its history is too long for it. @returns it when another has taken over */
  const outlived = async (workflowId: string, runId: string): Promise<Taken> => {
    const latest = client.workflow.getHandle(workflowId);
    for (let told = 0; told <= HISTORY_LIMIT; told += AT_ONCE) {
      await Promise.all(Array.from({ length: AT_ONCE }, () => latest.signal('positionChanged')));
    }
    await eventually(async () => {
      if ((await latest.describe()).runId === runId) throw new Error('the first run still lasts');
    }, LIMIT_MS);
    return { history: await client.workflow.getHandle(workflowId, runId).fetchHistory() };
  };

  const ownerContinued = async (): Promise<Taken> => {
    let taken: Taken | undefined;
    await scene.owner(async () => {
      await resting();
      const { workflowId, runId } = await client.workflow.getHandle(ownerWorkflowId(key)).describe();
      taken = await outlived(workflowId, runId);
      await closed();
    });
    if (taken === undefined) throw new Error('invariant: what happens to the owner was waited for');
    return taken;
  };

  /** An entry that rests for longer than one look after it lasts, and is canceled by another hand in the run that takes over. */
  const signalContinued = async (): Promise<Taken> => {
    scene.execute({ kind: 'limit', offsetBps: 40, workMs: 300_000, postOnly: false });
    const handle = await scene.start('signalToOrder', [{ ...scene.signal(), validUntil: Date.now() + 600_000 }, SIGNAL_FORM]);
    const taken = await outlived(handle.workflowId, handle.firstExecutionRunId);
    scene.execute();
    const order = stack.paper.orders.open(VENUE_ACCOUNT, 'BTCUSDT').find(({ side }) => side === 'BUY');
    if (order === undefined) throw new Error('the entry does not rest');
    stack.paper.engine.cancel(order, undefined, stack.paper.now());
    await handle.result();
    return taken;
  };

  /** By another hand a second stop like the first one is in the books and at the venue. */
  const twoStops = (): Promise<Taken> =>
    scene.owner(async () => {
      await resting();
      const { working } = await stack.protection.readProtection(key);
      const [stop] = working;
      if (stop === undefined || stop.stopPrice === null) throw new Error('no stop rests');
      const sequence = 77;
      const [intentId, clientOrderId] = [stop.intentId.replace(/\d+$/, String(sequence)), `${stop.clientOrderId.slice(0, -1)}_`];
      const { instrument, side, type, postOnly, timeInForce, quantity, price, stopPrice } = stop;
      const terms = { instrument, side, type, postOnly, timeInForce, quantity, price, stopPrice };
      const sent = await stack.venue.sender.submit(
        { clientOrderId, ...terms, signedTimestamp: Date.now(), receiveWindowMs: 10_000 },
        10_000,
      );
      if (sent.kind !== 'accepted') throw new Error(`the second stop is ${sent.kind}`);
      const copy = { intent_id: intentId, client_order_id: clientOrderId, sequence, venue_order_id: sent.order.venueOrderId };
      await stack.database.pool.query(
        `insert into orders select (jsonb_populate_record(o, to_jsonb(o) || $2::jsonb)).* from orders o where intent_id = $1`,
        [stop.intentId, JSON.stringify(copy)],
      );
      await client.workflow.getHandle(ownerWorkflowId(key)).signal('positionChanged');
      await eventually(async () => {
        const { rows } = await stack.pool.query('select from orders where intent_id = $1 and final_at is not null', [intentId]);
        if (rows.length === 0) throw new Error('the second stop still rests');
      }, LIMIT_MS);
      await closed();
    });

  return {
    'signalToOrder.continued': signalContinued,
    'protectPosition.continued': ownerContinued,
    'protectPosition.twoStops': twoStops,
  } as const;
}
