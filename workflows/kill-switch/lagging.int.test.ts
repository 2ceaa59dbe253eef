import type { WorkflowHandle } from '@temporalio/client';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Balance, Venue } from '../../activities/ports/venue.js';
import { openHaltStore, type HaltStore } from '../../adapters/store/halt-store.js';
import { decimal, type Decimal } from '../../core/money/index.js';
import { signalWorkflowId } from '../../core/signal/signal.js';
import { eventually } from '../../test/support/eventually.js';
import { temporalIfAny } from '../../test/support/temporal.js';
import {
  ACCOUNT,
  INSTRUMENT,
  openTradingStack,
  startWorker,
  type StackWorker,
  type TradingStack,
} from '../../test/support/trading-stack.js';
import { disagreements } from '../../test/support/witness.js';
import { killWorkflowId } from '../names.js';
import { killStateQuery, type KillState } from './messages.js';

const temporal = await temporalIfAny();
const KEY = { account: ACCOUNT, strategy: 'momentum', instrument: INSTRUMENT };
const LIMIT_MS = 60_000;

/** `killDirectly` has the same in `activities/kill/lagging.int.test.ts`: this is the kill as a workflow, with the owner of the position beside it. */
describe.skipIf(temporal === undefined)('P28: killSwitch at a venue that shows its balances late', () => {
  let stack: TradingStack;
  let worker: StackWorker;
  let halts: HaltStore;
  /** Balances of before, for as long as the venue shows them; and how often a halt has read them. */
  let late: readonly Balance[] | undefined;
  let reads = 0;

  beforeAll(async () => {
    stack = await openTradingStack({
      venueOf: (venue: Venue) => ({
        ...venue,
        // Longer than this test takes: what it says is not a matter of time.
        profile: { ...venue.profile, visibilityBoundMs: 600_000 },
        haltReader: {
          ...venue.haltReader,
          balances: async () => {
            reads += 1;
            return late ?? venue.haltReader.balances();
          },
        },
      }),
    });
    halts = openHaltStore(stack.database.url);
    if (temporal !== undefined) worker = await startWorker(stack, temporal);
  });
  afterAll(async () => {
    await halts?.close();
    await worker?.stop();
    await stack?.close();
  });

  const kill = (): WorkflowHandle => worker.client.workflow.getHandle(killWorkflowId(ACCOUNT));
  const state = (): Promise<KillState> => kill().query(killStateQuery);
  const orders = async (purpose: string): Promise<{ status: string; executed: string; final: boolean }[]> =>
    (
      await stack.pool.query<{ status: string; executed: string; final: boolean }>(
        `select status, executed_quantity::text as executed, final_at is not null as final from orders where account = $1 and purpose = $2`,
        [ACCOUNT, purpose],
      )
    ).rows;
  const held = async (): Promise<Decimal> => (await stack.dependencies.store.position(KEY)).quantity;
  const btc = (balances: readonly Balance[]): Decimal => {
    const one = balances.find(({ asset }) => asset === 'BTC');
    return decimal(one?.free ?? '0').plus(decimal(one?.locked ?? '0'));
  };
  /** It goes on to say so, look after look, and calls nothing verified. */
  const settles = async (quantity: Decimal): Promise<void> => {
    const saysSo = async (): Promise<void> => {
      const { phase, unverified, evidence } = await state();
      expect([phase, evidence]).toEqual(['running', null]);
      const settling = unverified.filter((one) => one.kind === 'settling');
      expect(settling.map((one) => [one.asset, decimal(one.quantity).minus(quantity).abs().lt('0.00002')])).toEqual([['BTC', true]]);
    };
    await eventually(saysSo, LIMIT_MS);
    const from = reads;
    await eventually(() => expect(reads).toBeGreaterThan(from + 4), LIMIT_MS);
    await saysSo();
  };

  it('neither sells nor takes a stop for needless by balances of before a purchase, nor sells twice by those of before its sale', async () => {
    const before = await stack.venue.reader.balances();
    const signal = stack.signal('open', 1_000);
    const entered = await worker.client.workflow.start('signalToOrder', {
      ...{ taskQueue: worker.taskQueue, workflowId: signalWorkflowId(signal), args: [signal], workflowTaskTimeout: '5s' },
    });
    expect(await entered.result()).toMatchObject({ status: 'filled', codes: [] });
    const resting = async (): Promise<void> => expect(await orders('stop')).toMatchObject([{ status: 'accepted', final: false }]);
    await eventually(resting, LIMIT_MS);
    const bought = await held();
    const after = await stack.venue.reader.balances();

    late = before;
    await halts.latch({ scope: 'account', scopeValue: ACCOUNT }, { subject: 'watch', underKey: null, reason: 'a test', policy: 'atOnce' });
    await eventually(state, LIMIT_MS);
    await settles(bought);
    expect([(await held()).eq(bought), await orders('flatten')]).toEqual([true, []]);
    await resting();

    // Its purchase is shown, and then what it sells is seen late, too: all that was bought is still shown.
    late = after;
    await eventually(async () => expect((await held()).lt('0.00002')).toBe(true), LIMIT_MS);
    const sales = await orders('flatten');
    const sold = sales.reduce((sum, { executed }) => sum.plus(decimal(executed)), decimal('0'));
    expect(sold.lte(bought)).toBe(true);
    await settles(sold);
    expect(await orders('flatten')).toEqual(sales);

    late = undefined;
    await eventually(async () => {
      const { phase, unverified, evidence } = await state();
      expect({ phase, unverified, isWritten: evidence !== null }).toEqual({ phase: 'verified', unverified: [], isWritten: true });
    }, LIMIT_MS);
    const beyond = btc(await stack.venue.reader.balances()).minus(btc(before));
    expect([beyond.gte(0), beyond.lt('0.00002')]).toEqual([true, true]);
    expect(await disagreements(stack.database.pool, ACCOUNT, stack.witness())).toEqual([]);
  });
});
