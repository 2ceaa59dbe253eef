import type { Pool, PoolClient } from 'pg';
import type { RiskKey } from '../../activities/ports/risk.js';
import type {
  Authorised,
  AuthoriseInput,
  BeginInput,
  Begun,
  Events,
  OrderStore,
  PositionChange,
  WatchedOrder,
  Written,
} from '../../activities/ports/store.js';
import { failure, KeelsonError, type Failure } from '../../core/errors.js';
import { FLAT } from '../../core/ledger/position.js';
import { decimal, decimalTextOf, text, ZERO_TEXT } from '../../core/money/index.js';
import type { StoredOrder } from '../../core/order/stored-order.js';
import { effectiveLimits, type LimitRow } from '../../core/risk/limit-rows.js';
import type { RiskView, WatchHeartbeat } from '../../core/risk/view.js';
import { signalId, type TradeSignal } from '../../core/signal/signal.js';
import { PROTOCOL } from '../../core/risk/limits.js';
import { isConflict, jsonOf, onOneConnection, run, type Statement } from './pool.js';

const call = (name: string): Statement => ({ name, text: `select ${name}($1::jsonb) as answer` });

/** Whole ms since then; where the clock was set back meanwhile, that long at least: what is yet to come would never be looked at (P11, P16). */
const ageMs = (column: string): string => `abs(floor(extract(epoch from clock_timestamp() - ${column}) * 1000))::bigint`;

const STATEMENTS = {
  readRisk: { name: 'read_risk', text: 'select read_risk($1, $2, $3) as answer, read_watch($1) as watch' },
  authorise: call('authorise_order'),
  beginSubmit: call('begin_submit'),
  authoriseAsKill: call('authorise_as_kill'),
  beginSubmitAsKill: call('begin_submit_as_kill'),
  changeOrder: call('change_order'),
  bookFill: call('book_fill'),
  recordUntraded: call('record_untraded_signal'),
  writeEvents: call('write_events'),
  tellEpisodes: call('tell_episodes'),
  isBooked: call('is_booked'),
  whyWithdrawn: { name: 'why_withdrawn', text: 'select why_withdrawn(o) as answer from orders o where intent_id = $1' },
  boughtSince: {
    name: 'bought_since',
    text: `select coalesce(sum(o.executed_quantity), 0)::text as answer
      from orders e join orders o on o.account = e.account and o.strategy = e.strategy and o.instrument = e.instrument
      where e.intent_id = $1 and o.purpose = 'entry' and o.executed_quantity > 0 and coalesce(o.ordinal, 0) > coalesce(e.ordinal, 0)`,
  },
  epoch: { name: 'order_epoch', text: 'select epoch as answer from instance' },
  order: { name: 'order_by_intent', text: 'select order_json(o) as answer from orders o where intent_id = $1' },
  orderByVenueIds: {
    name: 'order_by_venue_ids',
    // The venue's number is given once, as a name of ours; that of an order which was taken over from another hand may be used again.
    text: `select order_json(o) as answer from orders o where account = $1 and instrument = $2
      and (venue_order_id = $4 or client_order_id = $3 and (intent_id not like 'adopted:%' or coalesce(venue_order_id = $4, true)))
      order by (venue_order_id = $4) desc nulls last limit 1`,
  },
  position: {
    name: 'position',
    text: `select quantity, cost, realized_pnl, version from positions
      where account = $1 and strategy = $2 and instrument = $3`,
  },
  watchedOrders: {
    name: 'watched_orders',
    text: `select order_json(o) || jsonb_build_object('ageMs', ${ageMs('created_at')}, 'unchangedMs', ${ageMs('updated_at')},
          'whyWithdrawn', why_withdrawn(o)) as answer
      from (select * from orders where account = $1 and final_at is null
        union all
        -- The statement's time, which an index can be asked for: it is read twice a second.
        select * from orders where account = $1 and status = 'notPlaced' and final_at > statement_timestamp() - interval '24 hours') o
      order by created_at`,
  },
} satisfies Record<string, Statement>;

interface Answer {
  readonly result: string;
  readonly failures?: readonly Failure[];
  readonly order?: StoredOrder;
}

interface RiskRow {
  readonly answer: ToldView | null;
  /** Null: nobody has watched the account yet. */
  readonly watch: WatchHeartbeat | null;
}

/**
 * The ledger of orders in Postgres, by the functions of db/migrations.
 * @param leaseOwner who authorises and submits under a halt (P27); everybody else leaves it out.
 */
export function createOrderStore(pool: Pool, leaseOwner?: string): OrderStore {
  const isKill = leaseOwner !== undefined;
  const answer = async <T>(statement: Statement, values: readonly unknown[], over: Pool | PoolClient = pool): Promise<T | undefined> => {
    const rows = await run<{ answer: T }>(over, statement, values);
    return rows[0]?.answer;
  };
  const change = async (statement: Statement, input: object, over: Pool | PoolClient = pool): Promise<Answer> => {
    try {
      const got = await answer<Answer>(statement, [jsonOf(input)], over);
      if (got === undefined) throw new KeelsonError('INFRA_DATABASE', { detail: `${statement.name} gave no answer` });
      if (got.result === 'epoch') throw new KeelsonError('RISK_EPOCH', { epoch: 'of this work', current: 'newer' });
      return got;
    } catch (error) {
      if (isConflict(error)) return { result: 'conflict' };
      throw error;
    }
  };
  const authorise = async (input: AuthoriseInput, events: Events, over: Pool | PoolClient): Promise<Authorised> => {
    const { intent, verdict, signal } = input;
    const failures = verdict.kind === 'denied' ? verdict.failures : [];
    const { intentId, account, strategy, strategyVersion, instrument, leg, purpose, sequence } = intent;
    const statement = isKill ? STATEMENTS.authoriseAsKill : STATEMENTS.authorise;
    const values = {
      leaseOwner,
      verdict: verdict.kind === 'approved' ? 'authorised' : 'denied',
      epoch: input.epoch,
      riskVersion: verdict.kind === 'approved' ? verdict.order.riskVersion : null,
      authorisedForMs: input.authorisedForMs,
      failures,
      signal: signal === null ? null : { ...signalRow(signal), failures },
      order: {
        ...(verdict.kind === 'approved' ? verdict.order : deniedOrder(input)),
        ...{ intentId, account, strategy, strategyVersion, instrument, leg, purpose, sequence },
        clientOrderId: input.clientOrderId,
      },
      ...events,
    };
    const got = await change(statement, values, over);
    if (got.result === 'denied') return { kind: 'denied', failures };
    return got.result === 'untraded' ? { kind: 'notTraded', failures: got.failures ?? [] } : asWritten(got);
  };
  const begin = (input: BeginInput, over: Pool | PoolClient): Promise<Answer> =>
    change(
      isKill ? STATEMENTS.beginSubmitAsKill : STATEMENTS.beginSubmit,
      { ...input, refusals: refusalsOf(input.intentId), leaseOwner },
      over,
    );

  return {
    async readRisk({ account, strategy, instrument }) {
      const rows = await run<RiskRow>(pool, STATEMENTS.readRisk, [account, strategy, instrument]);
      return riskViewOf(rows[0]?.answer, { account, strategy, instrument }, rows[0]?.watch);
    },

    authorise: (input, events) => authorise(input, events, pool),

    async recordUntraded(signal, failures, epoch, events) {
      const stored = await answer<boolean>(STATEMENTS.recordUntraded, [
        jsonOf({ signal: { ...signalRow(signal), failures }, epoch, ...events }),
      ]);
      return stored === true;
    },

    async beginSubmit(input) {
      let got: Answer = { result: 'conflict' };
      // One that lost against another statement has begun nothing.
      for (let attempt = 1; got.result === 'conflict' && attempt <= PROTOCOL.compareAndSetAttempts; attempt += 1) {
        got = await begin(input, pool);
      }
      const begun = asBegun(got);
      if (begun === undefined) throw new KeelsonError('INFRA_DATABASE', { detail: `no order ${input.intentId}: ${got.result}` });
      return begun;
    },

    async authoriseAndBegin(input, events, terms) {
      const { intentId } = input.intent;
      return onOneConnection(pool, async (connection) => {
        const both = await Promise.allSettled([
          authorise(input, events, connection),
          begin({ ...terms, intentId, epoch: input.epoch }, connection),
        ]);
        return { authorised: valueOf(both[0]), begun: asBegun(valueOf(both[1])) };
      });
    },

    async order(intentId) {
      return answer<StoredOrder>(STATEMENTS.order, [intentId]);
    },

    async orderByVenueIds({ account, instrument, clientOrderId, venueOrderId }) {
      return answer<StoredOrder>(STATEMENTS.orderByVenueIds, [account, instrument, clientOrderId ?? null, venueOrderId ?? null]);
    },

    async boughtSince(intentId) {
      return decimalTextOf((await answer<string>(STATEMENTS.boughtSince, [intentId])) ?? ZERO_TEXT);
    },

    async checkEpoch(epoch) {
      const current = await answer<number>(STATEMENTS.epoch, []);
      if (current !== epoch) throw new KeelsonError('RISK_EPOCH', { epoch, current: current ?? 'unknown' });
    },

    async changeOrder(orderChange, epoch, events) {
      return asWritten(await change(STATEMENTS.changeOrder, { order: orderChange, epoch, ...events }));
    },

    async position({ account, strategy, instrument }): Promise<PositionChange> {
      const rows = await run<{ quantity: string; cost: string; realized_pnl: string; version: string }>(pool, STATEMENTS.position, [
        account,
        strategy,
        instrument,
      ]);
      const row = rows[0];
      if (row === undefined) return { ...FLAT, strategy, version: 0 };
      return {
        strategy,
        quantity: decimal(row.quantity),
        cost: decimal(row.cost),
        realizedPnl: decimal(row.realized_pnl),
        version: Number(row.version),
      };
    },

    async bookFill({ fill, order, position, entries, epoch, events }) {
      const got = await change(STATEMENTS.bookFill, {
        epoch,
        fill: { ...fill, account: order.account, intentId: order.intentId },
        order,
        position: {
          strategy: position.strategy,
          version: position.version,
          quantity: text(position.quantity),
          cost: text(position.cost),
          realizedPnl: text(position.realizedPnl),
        },
        entries: entries.map((entry) => ({ asset: entry.asset, kind: entry.kind, delta: text(entry.delta) })),
        ...events,
      });
      return { kind: got.result === 'applied' || got.result === 'duplicate' ? got.result : 'conflict' };
    },

    async isBooked(account, fill) {
      return (await answer<boolean>(STATEMENTS.isBooked, [jsonOf({ ...fill, account })])) === true;
    },

    async whyWithdrawn(intentId) {
      return (await answer<string | null>(STATEMENTS.whyWithdrawn, [intentId])) ?? undefined;
    },

    async watchedOrders(account) {
      const rows = await run<{ answer: WatchedOrder }>(pool, STATEMENTS.watchedOrders, [account]);
      return rows.map((row) => row.answer);
    },

    async openIncident(events: Events) {
      await run(pool, STATEMENTS.writeEvents, [jsonOf(events)]);
    },

    async tellEpisodes(sight) {
      await run(pool, STATEMENTS.tellEpisodes, [jsonOf(sight)]);
    },
  };
}

/** What the row of a denied order says where the gate has made no order. */
function deniedOrder({ intent, signal, controlVersion }: AuthoriseInput): object {
  return {
    base: '',
    quote: '',
    side: intent.leg === 'open' ? 'buy' : 'sell',
    timeInForce: 'IOC',
    quantity: '0',
    price: signal?.referencePrice ?? '0',
    reservedQuantity: '0',
    reservedNotional: '0',
    controlVersion,
  };
}

/** Why an order that was authorised is not begun, in words for whichever it is. */
function refusalsOf(intentId: string): Record<string, Failure> {
  const values = { order: intentId, account: 'the account', scope: 'in scope', instrument: 'its instrument', strategy: 'its strategy' };
  const why = {
    RISK_KILLED: '',
    RISK_CONTROL_CHANGED: '',
    RISK_AUTHORISATION_EXPIRED: '',
    RISK_INSTRUMENT_BLOCKED: 'an incident waits for a person',
    RISK_STRATEGY_DISABLED: 'since the order was authorised',
  } as const;
  const codes = Object.keys(why) as (keyof typeof why)[];
  return Object.fromEntries(codes.map((code) => [code, failure(code, { ...values, reason: why[code] })]));
}

/** Undefined: there was no order, or the statement lost against another one. */
function asBegun({ result, order }: Answer): Begun | undefined {
  if (order === undefined) return undefined;
  return { kind: result === 'submitting' || result === 'refused' ? result : 'stored', order };
}

function valueOf<T>(settled: PromiseSettledResult<T>): T {
  if (settled.status === 'rejected') throw settled.reason;
  return settled.value;
}

function asWritten(got: Answer): Written {
  if (got.order === undefined) return { kind: 'conflict' };
  return { kind: got.result === 'stored' ? 'stored' : 'written', order: got.order };
}

function signalRow(signal: TradeSignal): object {
  return { ...signal, signalId: signalId(signal) };
}

/** A view as `read_risk` gives it: limits as rows, and what is absent as null. */
export type ToldView = Omit<RiskView, 'limits' | 'missingLimits'> & { readonly limitRows: readonly LimitRow[] };

/**
 * The view of one strategy on one instrument: of the rows of limits those in its scope, the strictest.
 * @throws KeelsonError INPUT_UNKNOWN_ACCOUNT
 */
export function riskViewOf(
  told: ToldView | null | undefined,
  { account, strategy, instrument }: RiskKey,
  watch?: WatchHeartbeat | null,
): RiskView {
  if (told === undefined || told === null) throw new KeelsonError('INPUT_UNKNOWN_ACCOUNT', { account, known: 'see keelson status' });
  const { limitRows, ...view } = told;
  const { limits, missing } = effectiveLimits(limitRows, { account, venue: view.venue, strategy, instrument });
  const present = Object.entries({ ...view, limits, missingLimits: missing, ...(watch ? { watch } : {}) }).filter(
    ([, part]) => part !== null,
  );
  return Object.fromEntries(present) as unknown as RiskView;
}
