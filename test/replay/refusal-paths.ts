import type { OrderStore } from '../../activities/ports/store.js';
import type { SubmitVerdict } from '../../activities/ports/venue.js';
import { failure } from '../../core/errors.js';
import { decimal, text, type DecimalText } from '../../core/money/index.js';
import { ownerWorkflowId } from '../../core/protection/position-key.js';
import { eventually } from '../support/eventually.js';
import { stepsTaken, type Scene } from './owner-paths.js';
import type { Faults, Taken } from './paths.js';

export const REFUSAL_PATHS = [
  'protectPosition.exitTooLate',
  'protectPosition.exitTooOld',
  'protectPosition.stopRefused',
  'protectPosition.filtersChanged',
  'protectPosition.contradicted',
] as const;

const LIMIT_MS = 60_000;
const REFUSED = failure('VENUE_REJECTED', { order: 'x', venue: 'paper', detail: 'not now' });
const TOO_LATE: SubmitVerdict = { kind: 'rejected', failure: REFUSED, reason: 'tooLate' };

/** Paths of a position's owner on which an exit is too late, a stop is refused, or what is kept of the position is not to be believed. */
export function refusalPaths({ stack, client, key, signal, trade, resting, closed, owner, isStop, rule }: Scene) {
  const ledger = stack.dependencies.store;
  const wake = (): Promise<void> => client.workflow.getHandle(ownerWorkflowId(key)).signal('positionChanged');
  /** The first so many of these sells get this for an answer, and the venue nothing. */
  const refuse = (which: 'stops' | 'exits', times: number, verdict: SubmitVerdict): Faults => {
    let refused = 0;
    return {
      send: (real) => async (request, deadlineMs) =>
        request.side === 'sell' && isStop(request) === (which === 'stops') && (refused += 1) <= times ? verdict : real(request, deadlineMs),
    };
  };

  /** The venue refuses the exit for its time alone: it is offered again, each time as another order. */
  const exitTooLate = async (): Promise<void> => {
    await resting();
    await trade(signal('close'), refuse('exits', 2, TOO_LATE));
  };
  /** The gate finds the exit too old when its stop is gone; what is held gets another, and leaves by the next exit. */
  const exitTooOld = (): Promise<Taken> => {
    let denials = 0;
    const failures = [failure('RISK_SIGNAL_EXPIRED', { validUntil: 0, now: 1 })];
    const authorise: OrderStore['authorise'] = (input, events) =>
      input.intent.purpose === 'exit' && (denials += 1) === 1
        ? ledger.authorise({ ...input, verdict: { kind: 'denied', failures } }, {})
        : ledger.authorise(input, events);
    return owner(async () => {
      await resting();
      await trade(signal('close'), { store: { authorise } });
      await resting();
      await closed();
    });
  };
  const stopRefused = (): Promise<Taken> =>
    owner(async () => (await resting(), closed()), refuse('stops', 3, { kind: 'rejected', failure: REFUSED }));
  /** While its stop rests, the venue begins to take prices in larger steps only. */
  const filtersChanged = (): Promise<Taken> =>
    owner(async () => {
      await resting();
      const stopOf = async (): Promise<{ intentId: string; price: DecimalText } | undefined> => {
        const { working } = await stack.protection.readProtection(key);
        const stop = working.find((order) => order.purpose === 'stop' && order.status === 'accepted');
        return stop?.stopPrice ? { intentId: stop.intentId, price: stop.stopPrice } : undefined;
      };
      const first = await stopOf();
      if (first === undefined) throw new Error('no stop rests');
      const tick = ['7', '11', '13'].find((step) => !decimal(first.price).mod(step).isZero()) ?? '17';
      const before = await rule({ tickSize: tick as DecimalText });
      try {
        await wake();
        await eventually(async () => {
          const stop = await stopOf();
          if (stop === undefined || stop.intentId === first.intentId) throw new Error('the stop is still the one before');
        }, LIMIT_MS);
      } finally {
        await rule(before);
      }
      await closed();
    });
  /** Its row says another quantity than its fills, until somebody has mended it. */
  const contradicted = (): Promise<Taken> =>
    owner(async () => {
      await resting();
      const { quantity } = await ledger.position(key);
      const keep = (kept: string): Promise<unknown> =>
        stack.database.pool.query(`update positions set quantity = $4 where account = $1 and strategy = $2 and instrument = $3`, [
          ...[key.account, key.strategy, key.instrument],
          kept,
        ]);
      await keep(text(quantity.mul('0.5')));
      await wake();
      await stepsTaken(client, key, 'page', 1);
      const looks = await stepsTaken(client, key, 'look', 1);
      await keep(text(quantity));
      await wake();
      // On a slow machine the exit would come before it.
      await stepsTaken(client, key, 'look', looks + 1);
      await closed();
    });

  return {
    'protectPosition.exitTooLate': () => owner(exitTooLate),
    'protectPosition.exitTooOld': exitTooOld,
    'protectPosition.stopRefused': stopRefused,
    'protectPosition.filtersChanged': filtersChanged,
    'protectPosition.contradicted': contradicted,
  } as const satisfies Record<(typeof REFUSAL_PATHS)[number], () => Promise<Taken>>;
}
