import { randomUUID } from 'node:crypto';
import type pg from 'pg';
import { bookFill } from '../../activities/order/evidence.js';
import type { ForeignFill, Movement } from '../../activities/ports/ledger.js';
import type { VenueFill } from '../../activities/ports/venue.js';
import { createControlStore } from '../../adapters/store/control-store.js';
import { createLedgerStore } from '../../adapters/store/ledger-store.js';
import { createOrderStore } from '../../adapters/store/order-store.js';
import { text, type DecimalText } from '../../core/money/index.js';
import { seedPerson } from './people.js';
import { fillOf, type UnitFill } from './fills.js';

/** The day on which all of it happens: one that is over, since nothing is booked before it has happened. */
export const STORY_DAY = { day: '2020-01-01', from: 1_577_836_800_000 } as const;

/** An account of its own whose story is booked by the statements that book everything. */
export interface BookedStory {
  readonly account: string;
  /** @param isTaken of an order of another hand that a person has taken over for the strategy */
  fill(one: UnitFill, isTaken?: boolean): Promise<void>;
  move(changed: Partial<Movement>): Promise<void>;
}

/** @param keyId of a person who may book, see `bookkeeper` */
export async function bookedStory(pool: pg.Pool, account: string, keyId: string): Promise<BookedStory> {
  const control = createControlStore(pool);
  await control.applyConfiguration({ account, venue: 'paper', limits: {}, strategies: [], subject: 'test' });
  await control.onboard(account, { USDT: '1000' as DecimalText, BNB: '5' as DecimalText });
  // It was there before anything of it happened.
  await pool.query('update accounts set onboarded_at = to_timestamp($2::bigint / 1000.0) where account = $1', [account, STORY_DAY.from]);
  const books = { store: createOrderStore(pool), epoch: (await control.epoch()).epoch };
  const ledger = createLedgerStore(pool);
  let count = 0;
  const cause = { subject: 'bookkeeper', underKey: keyId, reason: 'a test' };
  const incident = async (): Promise<string> => {
    const { rows } = await pool.query<{ incident_id: string }>(
      `insert into incidents (incident_key, account, kind, data) values ($1, $2, 'aTest', '{}') returning incident_id`,
      [randomUUID(), account],
    );
    return rows[0]?.incident_id ?? '';
  };
  return {
    account,
    async fill(one, isTaken = false) {
      count += 1;
      const { instrument, side, price, quantity, fee, feeAsset, eventTime: sinceMs } = fillOf(one, count);
      const eventTime = STORY_DAY.from + sinceMs;
      const fill: VenueFill = {
        ...{ venueTradeId: `${count}`, venueOrderId: `v${count}`, instrument, side, feeAsset, liquiditySide: 'taker', eventTime },
        ...{ price: text(price), quantity: text(quantity), fee: text(fee) },
      };
      if (one.strategy === null) {
        const foreign: ForeignFill = { ...cause, movementId: randomUUID(), account, incidentId: await incident(), fill };
        const booked = await ledger.bookForeignFill(foreign);
        if (booked.kind !== 'booked') throw new Error(`a foreign fill was ${JSON.stringify(booked)}`);
        return;
      }
      await pool.query(
        `insert into orders (intent_id, client_order_id, account, strategy, strategy_version, instrument, base, quote, leg, side, status,
           time_in_force, quantity, price, reserved_quantity, reserved_notional, venue_order_id, control_version, epoch)
         values ($1, $1, $2, $3, '1', $4, 'BTC', 'USDT', $5, $6, 'accepted', 'IOC', $7, $8, $7, 0, $9, 1, 1)`,
        [
          ...[
            `${isTaken ? 'adopted:' : ''}${account}-${count}`,
            account,
            one.strategy,
            instrument,
            side === 'buy' ? 'open' : 'close',
            side,
          ],
          ...[fill.quantity, fill.price, fill.venueOrderId],
        ],
      );
      if ((await bookFill(books, account, fill)) === undefined) throw new Error(`the fill ${count} found no order`);
    },
    async move(changed) {
      const booked = await ledger.bookMovement({
        ...{ ...cause, movementId: randomUUID(), account, asset: 'USDT', amount: '10' as DecimalText, kind: 'deposit' },
        ...{ eventTime: STORY_DAY.from + 1_000 * count, venueReference: null, incidentId: await incident() },
        ...changed,
      });
      if (booked.kind !== 'booked') throw new Error(`a movement was ${JSON.stringify(booked)}`);
    },
  };
}

/** Somebody who may book. @returns the id of the key. */
export async function bookkeeper(pool: pg.Pool): Promise<string> {
  return seedPerson(pool, 'bookkeeper', ['operator']);
}
