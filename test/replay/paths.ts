import { Client, type WorkflowHandle, type WorkflowHandleWithFirstExecutionRunId } from '@temporalio/client';
import { ApplicationFailure, Context } from '@temporalio/activity';
import { NativeConnection, Worker } from '@temporalio/worker';
import { randomUUID } from 'node:crypto';
import type { CalendarActivities } from '../../activities/calendar/index.js';
import { createControlActivities } from '../../activities/control/index.js';
import { createOrderActivities } from '../../activities/order/index.js';
import type { ReconcileActivities } from '../../activities/reconcile/index.js';
import type { Looked } from '../../activities/reconcile/look.js';
import type { OrderStore } from '../../activities/ports/store.js';
import type { OrderRequest, OrderSender, SubmitVerdict } from '../../activities/ports/venue.js';
import { createControlStore } from '../../adapters/store/control-store.js';
import type { OrderDependencies } from '../../activities/order/dependencies.js';
import { MARKET, type ExecutionPolicy } from '../../core/execution/policy.js';
import type { InstrumentRules } from '../../core/order/instrument.js';
import { ownerWorkflowId } from '../../core/protection/position-key.js';
import type { ReconcileScope } from '../../core/reconcile/rules.js';
import { unitsOf } from '../../exchange/amount/units.js';
import { failure, KeelsonError } from '../../core/errors.js';
import type { DecimalText } from '../../core/money/index.js';
import { intentIdOf, type TradeSignal } from '../../core/signal/signal.js';
import type { RiskKey } from '../../activities/ports/risk.js';
import { ACCOUNT, INSTRUMENT, openTradingStack, startWorker, workflowBundle } from '../support/trading-stack.js';
import { seedCommand, seedPerson } from '../support/people.js';
import type { KillState } from '../../workflows/kill-switch/messages.js';
import { killWorkflowId, SIGNAL_FORM } from '../../workflows/names.js';
import type { TestTemporal } from '../support/temporal.js';
import type { History } from './histories.js';
import { latestRun } from './latest-run.js';
import { longPaths } from './long-paths.js';
import { OWNER_PATHS, ownerPaths } from './owner-paths.js';
import { REFUSAL_PATHS, refusalPaths } from './refusal-paths.js';
import { runbookPaths } from './runbook-paths.js';
import { eventually } from '../support/eventually.js';

/** The history of a run that took a path, and how it ended. */
export interface Taken {
  readonly history: History;
  readonly status?: string;
}

/** Each path of each workflow by `type.path`: on a real server, ledger and paper venue, with faults where the path needs one. */
export interface Paths {
  take(name: string): Promise<Taken>;
  close(): Promise<void>;
}

export const PATHS = [
  'signalToOrder.filled',
  'signalToOrder.closed',
  'signalToOrder.denied',
  'signalToOrder.abandoned',
  'signalToOrder.abandonedAuthorised',
  'signalToOrder.refusedAtSubmit',
  'signalToOrder.submitFailed',
  'signalToOrder.unknownFound',
  'signalToOrder.unknownNotPlaced',
  'signalToOrder.rejected',
  'signalToOrder.expiredUnfilled',
  'signalToOrder.triedAgain',
  'signalToOrder.rested',
  'signalToOrder.requoted',
  'signalToOrder.replaced',
  'signalToOrder.continued',
  'settleOrder.expiredUnsent',
  'settleOrder.notPlaced',
  'protectPosition.exit',
  'protectPosition.stopFilled',
  'protectPosition.stopUnknown',
  'protectPosition.gapped',
  'protectPosition.killed',
  'protectPosition.dust',
  'protectPosition.twoStops',
  ...OWNER_PATHS,
  ...REFUSAL_PATHS,
  'protectPosition.continued',
  'tradingControl.pausedAndResumed',
  'reconcileAccount.clean',
  'reconcileAccount.secondLook',
  'reconcileAccount.failed',
  'reconcileAccount.postponed',
  'killSwitch.flattened',
  'killSwitch.keptAndRefused',
  'killSwitch.tightened',
  'watchBars.returned',
  'watchBars.running',
  'watchAccount.returned',
  'watchAccount.running',
  'runbook.signed',
  'runbook.aborted',
  'runbook.waited',
  'scheduledRunbook.completed',
  'planRunbook.planned',
  'refreshCalendar.read',
] as const;

const LOOKED: Looked = { result: 'clean', differences: 0, calls: 4, weight: 121 };
/** What a reconciliation sees is none of its workflow's business: each scope sees its own here. */
const RECONCILING: ReconcileActivities = {
  async reconcile({ scope }) {
    if (scope === 'demand') throw ApplicationFailure.nonRetryable('the venue refuses the key', 'VENUE_AUTH');
    if (scope === 'day') return { ...LOOKED, result: 'postponed' };
    if (scope !== 'hour') return LOOKED;
    // The second look of its run, whoever makes it.
    const isFirst = Context.current().info.activityId === '1';
    return { ...LOOKED, result: isFirst ? 'unsettled' : 'differences', differences: 1 };
  },
  reconcileFailed: () => Promise.resolve(),
};

const READING: CalendarActivities = { calendarRefresh: () => Promise.resolve({ kind: 'read', events: 3, marked: 1 }) };
const no = (): Promise<boolean> => Promise.resolve(false);

type Send = (request: OrderRequest, deadlineMs: number) => Promise<SubmitVerdict>;

/** What stands in the way while a path is taken. */
export interface Faults {
  readonly store?: Partial<OrderStore>;
  readonly send?: (real: Send) => Send;
}

export async function openPaths(temporal: TestTemporal): Promise<Paths> {
  let faults: Faults = {};
  /** What the venue says of its instruments otherwise than its program does. */
  let ruled: Partial<InstrumentRules> = {};
  let awayForMs = 0;
  const stack = await openTradingStack({
    venueOf: (venue) => {
      const real: Send = (request, deadlineMs) => venue.sender.submit(request, deadlineMs);
      const sender: OrderSender = { submit: (request, deadlineMs) => (faults.send?.(real) ?? real)(request, deadlineMs) };
      // The account's watch writes what the venue says of its instruments over what the ledger has.
      const instruments = async () => {
        const told = await venue.reader.instruments();
        return told.map((one) => ({ ...one, ...ruled }));
      };
      const weight = () => (awayForMs > 0 ? ({ kind: 'closed', forMs: awayForMs } as const) : venue.weight());
      return { ...venue, weight, sender, reader: { ...venue.reader, instruments } };
    },
  });
  const { pool } = stack.database;
  const ledger = stack.dependencies.store;
  const store = new Proxy(ledger, { get: (target, key: keyof OrderStore) => faults.store?.[key] ?? target[key] });
  let execution: ExecutionPolicy = MARKET;
  const entriesOf: OrderDependencies['entriesOf'] = (...of) => {
    const terms = stack.dependencies.entriesOf(...of);
    return terms === undefined ? undefined : { ...terms, execution };
  };
  const dependencies = { ...stack.dependencies, store, entriesOf, risk: { read: (key: RiskKey) => store.readRisk(key) } };
  const orders = createOrderActivities(dependencies);

  const returned = new Set<string>();
  /** The first call of a workflow returns, as after its hour; the next lasts. */
  const stream = async (): Promise<void> => {
    const { workflowId } = Context.current().info.workflowExecution ?? { workflowId: '' };
    if (returned.has(workflowId)) await Context.current().cancelled;
    returned.add(workflowId);
  };
  const connection = await NativeConnection.connect({ address: temporal.address });
  const client = new Client({ connection, namespace: temporal.namespace, identity: 'starter' });
  const taskQueue = `paths-${randomUUID()}`;
  const runbooks = runbookPaths(pool, ACCOUNT);
  const worker = await Worker.create({
    connection,
    namespace: temporal.namespace,
    taskQueue,
    identity: 'worker',
    workflowBundle: await workflowBundle(),
    activities: {
      ...createControlActivities(createControlStore(pool), no, no),
      ...RECONCILING,
      ...READING,
      ...runbooks.activities,
      ...{ streamBars: stream, streamAccount: stream },
    },
    shutdownForceTime: '1s',
  });
  const running = worker.run();
  // Orders and owners have a worker of their own, with the real account stream beside it.
  const owned = await startWorker({ ...stack, dependencies }, temporal);

  const start = (type: string, args: unknown[]): Promise<WorkflowHandleWithFirstExecutionRunId> =>
    client.workflow.start(type, {
      taskQueue: type === 'signalToOrder' || type === 'settleOrder' ? owned.taskQueue : taskQueue,
      workflowId: `${type}-${randomUUID()}`,
      args,
      requestEagerStart: true,
      workflowTaskTimeout: '5s',
    });
  const ended = async (handle: WorkflowHandle): Promise<Taken> => {
    const { status } = (await handle.result()) as { readonly status: string };
    return { status, history: await handle.fetchHistory() };
  };
  let bar = 0;
  const signal = (leg: TradeSignal['leg'] = 'open'): TradeSignal => stack.signal(leg, (bar += 1_000));
  const under = async <T>(present: Faults, work: () => Promise<T>): Promise<T> => {
    faults = present;
    try {
      return await work();
    } finally {
      faults = {};
    }
  };
  const trade = (one: TradeSignal, present: Faults = {}): Promise<Taken> =>
    under(present, async () => ended(await start('signalToOrder', [one, SIGNAL_FORM])));
  const closed = (): Promise<Taken> => trade(signal('close'));
  /** Opens, and closes again, so that the next path finds no position. */
  const opened = async (present: Faults = {}): Promise<Taken> => {
    const taken = await trade(signal(), present);
    await closed();
    return taken;
  };
  const lost: SubmitVerdict = {
    kind: 'unknown',
    failure: failure('VENUE_OUTCOME_UNKNOWN', { order: 'x', venue: 'paper', detail: 'cut' }),
  };
  const away = (): Promise<never> => Promise.reject(new KeelsonError('INFRA_DATABASE', { detail: 'away' }));

  /** The verdict is written, its answer never comes. */
  const unheard: OrderStore['authorise'] = async (input, events) => (await ledger.authorise(input, events), away());
  const latched: OrderStore['beginSubmit'] = async (input) => {
    await pool.query(`insert into latches (scope, scope_value, reason, subject) values ('account', $1, 'a test', 'test')`, [ACCOUNT]);
    const begun = await ledger.beginSubmit(input);
    await pool.query('update latches set released_at = clock_timestamp()');
    return begun;
  };
  const unsold = async (): Promise<Taken> => {
    // The collar ends far under the book: nothing is there to buy from.
    const one = { ...signal(), referencePrice: '49000' as DecimalText };
    stack.market.seePrice(ACCOUNT, INSTRUMENT, '49000' as DecimalText, { seenTime: Date.now() });
    return trade(one);
  };
  /** An order that was authorised, and perhaps begun, by a process that died. */
  const orphaned = async (isBegun: boolean): Promise<Taken> => {
    const one = signal();
    const authorised = await orders.authorise(one);
    if (authorised.kind !== 'authorised') throw new Error(`it was ${JSON.stringify(authorised)}`);
    await under({ send: () => async () => lost }, async () => (isBegun ? orders.submit(intentIdOf(one), ACCOUNT) : undefined));
    return ended(await start('settleOrder', [intentIdOf(one)]));
  };
  /** The venue's rules are these from now on, as told and as the ledger has them. @returns what they were */
  const rule = async (rules: Partial<InstrumentRules>): Promise<Partial<InstrumentRules>> => {
    ruled = { ...ruled, ...rules };
    const { rows } = await pool.query<{ rules: InstrumentRules }>(
      `with before as (select rules from instruments where instrument = $2)
       update instruments set rules = rules || $1::jsonb where instrument = $2 returning (select rules from before)`,
      [JSON.stringify(rules), INSTRUMENT],
    );
    return Object.fromEntries(Object.entries(rows[0]?.rules ?? {}).filter(([name]) => name in rules));
  };
  const key = { account: ACCOUNT, strategy: 'momentum', instrument: INSTRUMENT };
  const move = (price: string): void => stack.paper.movePrice('BTCUSDT', unitsOf(price), 0n);
  const sold = (): Promise<void> =>
    eventually(async () => {
      if ((await ledger.position(key)).quantity.gt('0.00001')) throw new Error('it is still held');
    }, 45_000);
  const bought = async (): Promise<void> => {
    const outcome = (await (await start('signalToOrder', [signal(), SIGNAL_FORM])).result()) as { readonly status: string };
    if (outcome.status !== 'filled') throw new Error(`the entry was ${JSON.stringify(outcome)}`);
  };
  /** Opens, lets something happen to what is held, and waits until its owner has ended. */
  const owner = async (happens: () => Promise<unknown>, present: Faults = {}): Promise<Taken> =>
    under(present, async () => {
      const before = await latestRun(client, ownerWorkflowId(key));
      await bought();
      // It is woken a moment after the fill, and may be woken once more when it has ended: that is another run.
      const runId = await eventually(async () => {
        const run = await latestRun(client, ownerWorkflowId(key));
        if (run === undefined || run === before) throw new Error('no owner has been started yet');
        return run;
      }, 45_000);
      await happens();
      await sold();
      const handle = client.workflow.getHandle(ownerWorkflowId(key), runId);
      await handle.result();
      move('50000');
      return { history: await handle.fetchHistory() };
    });
  const resting = (): Promise<unknown> =>
    eventually(async () => {
      const { working } = await stack.protection.readProtection(key);
      if (!working.some((order) => order.purpose === 'stop' && order.status === 'accepted')) throw new Error('no stop rests yet');
    }, 45_000);
  const isStop = (request: OrderRequest): boolean => request.stopPrice !== undefined;
  const latchedForAWhile = async (): Promise<void> => {
    await resting();
    await pool.query(`insert into latches (scope, scope_value, reason, subject) values ('account', $1, 'a test', 'test')`, [ACCOUNT]);
    const handle = client.workflow.getHandle(ownerWorkflowId(key));
    await handle.signal('positionChanged');
    await eventually(async () => {
      if ((await handle.query('doing')) !== 'resting: killed') throw new Error('not seen yet');
    }, 45_000);
    await pool.query('update latches set released_at = clock_timestamp()');
    await closed();
  };
  /** A stop that sells at a limit wakes, and the price is far under it already. */
  const gapped = async (): Promise<void> => {
    await resting();
    // Prices that play would come back to it.
    stack.paper.pausePrices();
    stack.market.seePrice(ACCOUNT, INSTRUMENT, '45000' as DecimalText, { seenTime: Date.now() });
    move('45000');
  };
  const resting500 = { kind: 'limit', offsetBps: 40, workMs: 500, postOnly: false } as const;
  const worked = (policy: ExecutionPolicy, present: Faults = {}): Promise<Taken> => {
    execution = policy;
    // However slow the machine is, it is worked to its end.
    return trade({ ...signal(), validUntil: Date.now() + 60_000 }, present).finally(() => (execution = MARKET));
  };
  const seenAt = (price: string): NodeJS.Timeout =>
    setInterval(() => stack.market.seePrice(ACCOUNT, INSTRUMENT, price as DecimalText, { seenTime: Date.now() }), 100);
  /** Above the market it would take, and is refused; then it is quoted under the reference, and rests: by then nobody sells so low any more. */
  const requoted = (): Promise<Taken> => {
    const seeing = seenAt('50000');
    const send: Faults['send'] = (real) => (request, deadlineMs) => real(request, deadlineMs).finally(() => move('50500'));
    return worked({ ...resting500, offsetBps: -40, postOnly: true }, { send }).finally(() => {
      clearInterval(seeing);
      move('50000');
    });
  };
  /** The price goes away from an order as soon as it rests, and stays fresh there. */
  const replaced = async (): Promise<Taken> => {
    let timer: NodeJS.Timeout | undefined;
    const send: Faults['send'] = (real) => async (request, deadlineMs) => {
      const verdict = await real(request, deadlineMs);
      timer ??= seenAt('50100');
      return verdict;
    };
    return worked({ ...resting500, workMs: 5_000, replaceBps: 10 }, { send }).finally(() => clearInterval(timer));
  };
  /** While the entry is on its way, the venue begins to want more of a sale than it buys. */
  const dust = async (): Promise<Taken> => {
    let before: Partial<InstrumentRules> = {};
    const enough = async (): Promise<void> => {
      const handle = client.workflow.getHandle(ownerWorkflowId(key));
      await eventually(async () => {
        if ((await handle.query('doing')) !== 'resting: dust') throw new Error('not seen yet');
      }, 20_000);
      await rule(before);
      await handle.signal('positionChanged');
      await resting();
      await closed();
    };
    const send: Faults['send'] = (real) => async (request, deadlineMs) => {
      if (request.side === 'buy') before = await rule({ minNotional: '1000000' as DecimalText });
      return real(request, deadlineMs);
    };
    return owner(enough, { send });
  };
  const controlled = async (): Promise<Taken> => {
    await seedPerson(pool, 'owner', ['admin']);
    const handle = await start('tradingControl', [ACCOUNT]);
    const tell = async (kind: 'pause' | 'resume', isWritten = true): Promise<unknown> => {
      const commandId = isWritten ? await seedCommand(pool, { account: ACCOUNT, kind, subject: 'owner' }) : randomUUID();
      return handle.executeUpdate(kind, { args: [{ commandId }] });
    };
    await tell('pause');
    await tell('resume', false).catch(() => undefined);
    await tell('resume');
    const history = await handle.fetchHistory();
    await handle.terminate('recorded');
    return { history };
  };
  const reconciled = async (scope: ReconcileScope): Promise<Taken> => {
    const handle = await start('reconcileAccount', [{ account: ACCOUNT, scope }]);
    await handle.result();
    return { history: await handle.fetchHistory() };
  };
  /** It waits until it may try again. */
  const postponed = async (): Promise<Taken> => {
    const handle = await start('reconcileAccount', [{ account: ACCOUNT, scope: 'day' }]);
    const history = await eventually(async () => {
      const told = await handle.fetchHistory();
      if (!told.events?.some((event) => event.timerStartedEventAttributes)) throw new Error('it does not wait yet');
      return told;
    }, 45_000);
    await handle.terminate('recorded');
    return { history };
  };
  /**
   * Halts what is held; sells it, or keeps its stop, until the halt is called in a stricter way if it is, and is asked to end by
   * nobody's rows. Ends when the latch is gone.
   */
  const killed = async (policy: 'none' | 'atOnce', isTightened = false): Promise<Taken> => {
    await bought();
    await resting();
    const handle = client.workflow.getHandle(killWorkflowId(ACCOUNT));
    /** @returns which evidence it has then */
    const halted = async (how: 'none' | 'atOnce', before?: string): Promise<string> => {
      const cause = { scope: 'account', scopeValue: ACCOUNT, reason: 'a test', subject: 'test', policy: how };
      await pool.query('select engage_latch($1)', [cause]);
      return eventually(async () => {
        const { phase, evidence } = await handle.query<KillState>('killState');
        if (phase !== 'verified' || evidence === null || evidence.sha256 === before) throw new Error(`it is ${phase}`);
        return evidence.sha256;
      }, 30_000);
    };
    const evidence = await halted(policy);
    if (isTightened) await halted('atOnce', evidence);
    if (policy === 'none') await handle.executeUpdate('rearm', { args: [{ latchId: randomUUID(), requestId: randomUUID() }] });
    await pool.query(`update latches set released_at = clock_timestamp() where released_at is null`);
    await pool.query(`insert into outbox (kind, data) values ('haltChanged', jsonb_build_object('account', $1::text))`, [ACCOUNT]);
    await handle.result();
    if (policy === 'none' && !isTightened) await closed();
    return { history: await handle.fetchHistory() };
  };
  const watched = async (type: string, args: string[], which: 'returned' | 'running'): Promise<Taken> => {
    const first = await start(type, args);
    const { workflowId, firstExecutionRunId } = first;
    const latest = client.workflow.getHandle(workflowId);
    await eventually(async () => {
      const { runId, raw } = await latest.describe();
      if (runId === firstExecutionRunId || !raw.pendingActivities?.length) throw new Error('the first run still lasts');
    }, 20_000);
    const handle = which === 'returned' ? client.workflow.getHandle(workflowId, firstExecutionRunId) : latest;
    const history = await handle.fetchHistory();
    await latest.terminate('recorded');
    return { history };
  };

  const sendAway = (forMs: number): void => void (awayForMs = forMs);
  const scene = { stack, client, key, signal, trade, resting, closed, owner, isStop, move, lost, rule, sendAway };
  const byName: Readonly<Record<(typeof PATHS)[number], () => Promise<Taken>>> = {
    'signalToOrder.filled': () => opened(),
    'signalToOrder.closed': async () => (await trade(signal()), closed()),
    'signalToOrder.denied': () => trade({ ...signal(), validUntil: 1 }),
    'signalToOrder.abandoned': () => trade(signal(), { store: { readRisk: away } }),
    'signalToOrder.abandonedAuthorised': () => trade(signal(), { store: { authorise: unheard } }),
    'signalToOrder.refusedAtSubmit': () => trade(signal(), { store: { beginSubmit: latched } }),
    'signalToOrder.submitFailed': () => trade(signal(), { store: { beginSubmit: away } }),
    'signalToOrder.unknownFound': () => opened({ send: (real) => async (request, deadlineMs) => (await real(request, deadlineMs), lost) }),
    'signalToOrder.unknownNotPlaced': () => trade(signal(), { send: () => async () => lost }),
    'signalToOrder.rejected': () =>
      trade(signal(), { send: (real) => (request, deadlineMs) => real({ ...request, quantity: '0.00000001' as DecimalText }, deadlineMs) }),
    'signalToOrder.expiredUnfilled': unsold,
    'signalToOrder.triedAgain': () => {
      let sends = 0;
      return opened({
        send: (real) => async (request, deadlineMs) => (request.side === 'buy' && (sends += 1) === 1 ? lost : real(request, deadlineMs)),
      });
    },
    'signalToOrder.rested': () => worked(resting500),
    'signalToOrder.requoted': requoted,
    'signalToOrder.replaced': replaced,
    'protectPosition.exit': () => owner(async () => (await resting(), closed())),
    'protectPosition.stopFilled': () => owner(async () => (await resting(), move('48000'))),
    'protectPosition.stopUnknown': () =>
      owner(() => closed(), {
        send: (real) => async (request, deadlineMs) =>
          isStop(request) ? (await real(request, deadlineMs), lost) : real(request, deadlineMs),
      }),
    'protectPosition.gapped': async () => {
      const before = await rule({ marketStop: false });
      try {
        return await owner(gapped);
      } finally {
        stack.paper.start();
        await rule(before);
      }
    },
    'protectPosition.killed': () => owner(latchedForAWhile),
    'protectPosition.dust': dust,
    ...ownerPaths(scene),
    ...refusalPaths(scene),
    ...longPaths({ stack, client, key, start, signal, resting, closed, owner, execute: (policy = MARKET) => (execution = policy) }),
    'settleOrder.expiredUnsent': () => orphaned(false),
    'settleOrder.notPlaced': () => orphaned(true),
    'tradingControl.pausedAndResumed': controlled,
    'reconcileAccount.clean': () => reconciled('minute'),
    'reconcileAccount.secondLook': () => reconciled('hour'),
    'reconcileAccount.failed': () => reconciled('demand'),
    'reconcileAccount.postponed': postponed,
    'killSwitch.flattened': () => killed('atOnce'),
    'killSwitch.keptAndRefused': () => killed('none'),
    'killSwitch.tightened': () => killed('none', true),
    'watchBars.returned': () => watched('watchBars', [ACCOUNT, '1s'], 'returned'),
    'watchBars.running': () => watched('watchBars', [ACCOUNT, '1s'], 'running'),
    'watchAccount.returned': () => watched('watchAccount', [ACCOUNT], 'returned'),
    'watchAccount.running': () => watched('watchAccount', [ACCOUNT], 'running'),
    'runbook.signed': async () => ended(await runbooks.asked(client, taskQueue, 'signed')),
    'runbook.aborted': async () => ended(await runbooks.asked(client, taskQueue, 'aborted')),
    'runbook.waited': async () => ended(await runbooks.waited(client, taskQueue)),
    'planRunbook.planned': async () => ended(await runbooks.planned(client, taskQueue)),
    'refreshCalendar.read': async () => {
      const handle = await start('refreshCalendar', []);
      await handle.result();
      return { history: await handle.fetchHistory() };
    },
    'scheduledRunbook.completed': async () => ended(await runbooks.scheduled(client, taskQueue)),
  };
  return {
    take: (name) => byName[name as (typeof PATHS)[number]](),
    async close() {
      await owned.stop();
      worker.shutdown();
      await running;
      await connection.close();
      await stack.close();
    },
  };
}
