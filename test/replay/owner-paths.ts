import type { Client } from '@temporalio/client';
import type { OrderStore } from '../../activities/ports/store.js';
import type { OrderRequest, SubmitVerdict } from '../../activities/ports/venue.js';
import { failure, KeelsonError } from '../../core/errors.js';
import { decimal, floorToStep, text, type DecimalText } from '../../core/money/index.js';
import type { InstrumentRules } from '../../core/order/instrument.js';
import { ownerWorkflowId, type PositionKey } from '../../core/protection/position-key.js';
import type { TradeSignal } from '../../core/signal/signal.js';
import { eventually } from '../support/eventually.js';
import type { TradingStack } from '../support/trading-stack.js';
import { stepsOf } from './histories.js';
import type { Faults, Taken } from './paths.js';

export const OWNER_PATHS = [
  'protectPosition.escaped',
  'protectPosition.exitTriedAgain',
  'protectPosition.stopDenied',
  'protectPosition.escapesRefused',
  'protectPosition.escapeStuck',
  'protectPosition.exitSentAway',
  'protectPosition.exitInParts',
  'protectPosition.exitGuarded',
  'protectPosition.exitAbandoned',
  'protectPosition.venueClosed',
  'protectPosition.resized',
] as const;

/** What the other paths do, and these begin with. */
export interface Scene {
  readonly stack: TradingStack;
  readonly client: Client;
  readonly key: PositionKey;
  readonly signal: (leg?: TradeSignal['leg']) => TradeSignal;
  readonly trade: (one: TradeSignal, present?: Faults) => Promise<Taken>;
  /** Its stop rests. */
  readonly resting: () => Promise<unknown>;
  readonly closed: () => Promise<Taken>;
  /** Opens, lets this happen, and waits for the end of the position's owner. */
  readonly owner: (happens: () => Promise<unknown>, present?: Faults) => Promise<Taken>;
  readonly isStop: (request: OrderRequest) => boolean;
  readonly move: (price: string) => void;
  /** What is known of an order whose reply never came. */
  readonly lost: SubmitVerdict;
  /** The venue's rules are these from now on. @returns what they were */
  readonly rule: (rules: Partial<InstrumentRules>) => Promise<Partial<InstrumentRules>>;
  /** For so long at each question the venue has sent us away; zero is not at all. */
  readonly sendAway: (forMs: number) => void;
}

const LIMIT_MS = 60_000;
/** Longer than an exit that waits for the venue does until people are told. */
const GUARDED_WAITS = 32;
const SENT_AWAY: SubmitVerdict = {
  kind: 'rejected',
  failure: failure('VENUE_RATE_LIMITED', { venue: 'paper', call: 'order', retryAfterMs: 100 }),
};
const REFUSED: SubmitVerdict = { kind: 'rejected', failure: failure('VENUE_REJECTED', { order: 'x', venue: 'paper', detail: 'not now' }) };

/** Waits until the position's owner has taken this step so often. @returns how often it has */
export const stepsTaken = (client: Client, key: PositionKey, step: string, least: number): Promise<number> =>
  eventually(async () => {
    const steps = stepsOf(await client.workflow.getHandle(ownerWorkflowId(key)).fetchHistory());
    const times = steps.filter((one) => one === step).length;
    if (times < least) throw new Error(`${step} was taken ${times} times`);
    return times;
  }, LIMIT_MS);

/** Paths of a position's owner on which the venue refuses, is away, or takes less than is held. */
export function ownerPaths({ stack, client, key, signal, trade, resting, closed, owner, isStop, move, lost, rule, sendAway }: Scene) {
  const nothing = (): Promise<void> => Promise.resolve();
  const ledger = stack.dependencies.store;
  const workingStop = async (): Promise<string> => {
    const { working } = await stack.protection.readProtection(key);
    const stop = working.find((order) => order.purpose === 'stop' && order.status === 'accepted');
    if (stop === undefined) throw new Error('no stop rests');
    return stop.intentId;
  };
  /** Prices that play would come back to a stop before it arrives. */
  const still = (path: () => Promise<Taken>): Promise<Taken> => {
    stack.paper.pausePrices();
    return path().finally(() => stack.paper.start());
  };
  const taken = (step: string, least: number): Promise<number> => stepsTaken(client, key, step, least);
  /** The first so many sells that are no stops get this for an answer, and the venue nothing. */
  const sellsGet = (verdict: SubmitVerdict, times: number, onStop: () => void = () => undefined): Faults => {
    let refused = 0;
    return {
      send: (real) => async (request, deadlineMs) => {
        if (isStop(request)) onStop();
        else if (request.side === 'sell' && (refused += 1) <= times) return verdict;
        return real(request, deadlineMs);
      },
    };
  };

  /** The stop's price is reached before it arrives: it is refused, and what is held leaves at once. */
  const escaped = (): Promise<Taken> =>
    still(() =>
      owner(
        nothing,
        sellsGet(REFUSED, 0, () => move('48500')),
      ),
    );
  /** The first order of an exit is lost on the way. */
  const exitTriedAgain = async (): Promise<void> => {
    await resting();
    let sends = 0;
    await trade(signal('close'), {
      send: (real) => async (request, deadlineMs) =>
        request.side === 'sell' && !isStop(request) && (sends += 1) === 1 ? lost : real(request, deadlineMs),
    });
  };
  /** The gate denies the stop so often that people are told, and then lets it through. */
  const stopDenied = (): Promise<Taken> => {
    let denials = 0;
    const failures = [failure('RISK_CONTENTION', { account: key.account, attempts: 10 })];
    const authorise: OrderStore['authorise'] = (input, events) =>
      input.intent.purpose === 'stop' && (denials += 1) <= 3
        ? ledger.authorise({ ...input, verdict: { kind: 'denied', failures } }, {})
        : ledger.authorise(input, events);
    const allowed = async (): Promise<void> => {
      await eventually(() => {
        if (denials <= 3) throw new Error('it is still denied');
      });
      await resting();
      await closed();
    };
    return owner(allowed, { store: { authorise } });
  };
  /** The stop's price is reached before it arrives, and what then leaves is refused. */
  const escapesRefused = (): Promise<Taken> =>
    still(() =>
      owner(
        nothing,
        sellsGet(REFUSED, 3, () => move('48500')),
      ),
    );
  /** … and each time the price has fallen further than the collar reaches. */
  const escapeStuck = (): Promise<Taken> => {
    const prices = ['46000', '43700', '41500', '39400'];
    const send: Faults['send'] = (real) => async (request, deadlineMs) => {
      if (isStop(request)) move('48500');
      const price = request.side === 'sell' && !isStop(request) ? prices.shift() : undefined;
      if (price === undefined) return real(request, deadlineMs);
      move(price);
      const verdict = await real(request, deadlineMs);
      stack.market.seePrice(key.account, key.instrument, price as DecimalText, { seenTime: Date.now() });
      return verdict;
    };
    return still(() => owner(nothing, { send }));
  };
  const exitSentAway = async (): Promise<void> => {
    await resting();
    await trade(signal('close'), sellsGet(SENT_AWAY, 2));
  };
  /** While its stop rests, the venue begins to take less in one order than is held. */
  const exitInParts = (): Promise<Taken> =>
    owner(async () => {
      await resting();
      const { quantity } = await ledger.position(key);
      const before = await rule({ maxQuantity: text(floorToStep(quantity.mul('0.4'), decimal('0.00001'))) });
      try {
        await client.workflow.getHandle(ownerWorkflowId(key)).signal('positionChanged');
        await taken('page', 1);
        await closed();
      } finally {
        await rule(before);
      }
    });
  const exitGuarded = (): Promise<Taken> =>
    owner(async () => {
      await resting();
      sendAway(20);
      const exit = trade({ ...signal('close'), validUntil: Date.now() + 600_000 });
      await taken('authoriseExit', GUARDED_WAITS).finally(() => sendAway(0));
      await exit;
    });
  /** The gate cannot write the exit's verdict; what is held gets its stop back. */
  const exitAbandoned = (): Promise<Taken> => {
    const authorise: OrderStore['authorise'] = (input, events) =>
      input.intent.purpose === 'exit'
        ? Promise.reject(new KeelsonError('INFRA_DATABASE', { detail: 'away' }))
        : ledger.authorise(input, events);
    return owner(async () => {
      await resting();
      await trade(signal('close'), { store: { authorise } });
      await resting();
      await closed();
    });
  };
  /** The venue sends us away as soon as the entry has filled, for long enough that people are told. */
  const venueClosed = (): Promise<Taken> => {
    const send: Faults['send'] = (real) => async (request, deadlineMs) => {
      const verdict = await real(request, deadlineMs);
      if (request.side === 'buy') sendAway(200);
      return verdict;
    };
    const opens = async (): Promise<void> => {
      await taken('page', 1).finally(() => sendAway(0));
      await resting();
      await closed();
    };
    return owner(opens, { send });
  };
  /** While its stop rests, some of what is held turns out not to be there, and comes back. */
  const resized = (): Promise<Taken> =>
    owner(async () => {
      await resting();
      const { rows } = await stack.database.pool.query<{ quantity: string }>(
        `select quantity::text from inventory where account = $1 and asset = 'BTC'`,
        [key.account],
      );
      for (const quantity of ['-0.004', rows[0]?.quantity]) {
        const before = await workingStop();
        await stack.database.pool.query(`update inventory set quantity = $2 where account = $1 and asset = 'BTC'`, [key.account, quantity]);
        await client.workflow.getHandle(ownerWorkflowId(key)).signal('positionChanged');
        await eventually(async () => {
          if ((await workingStop()) === before) throw new Error('the stop is still the one before');
        }, LIMIT_MS);
      }
      await closed();
    });

  return {
    'protectPosition.escaped': escaped,
    'protectPosition.exitTriedAgain': () => owner(exitTriedAgain),
    'protectPosition.stopDenied': stopDenied,
    'protectPosition.escapesRefused': escapesRefused,
    'protectPosition.escapeStuck': escapeStuck,
    'protectPosition.exitSentAway': () => owner(exitSentAway),
    'protectPosition.exitInParts': exitInParts,
    'protectPosition.exitGuarded': exitGuarded,
    'protectPosition.exitAbandoned': exitAbandoned,
    'protectPosition.venueClosed': venueClosed,
    'protectPosition.resized': resized,
  } as const satisfies Record<(typeof OWNER_PATHS)[number], () => Promise<Taken>>;
}
