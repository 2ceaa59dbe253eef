import { INVENTORY, VENUE_ACCOUNT, type Lane } from '../../../bench/kill/lane.js';
import type { KillWorld } from '../../../bench/kill/world.js';
import { decimal, ZERO, type Decimal } from '../../../core/money/index.js';
import { readJournal } from '../../../exchange/journal/reader.js';
import { disagreements, readWitness } from '../../support/witness.js';

/** Orders by hand, which are nobody's in our books. */
export const FOREIGN = 'foreign-';
/** Less than the venue takes, in BTC, of each position that was sold. */
const DUST = '0.0002';

/**
 * Everything in which an account that was called verified is not as a halt promises, by the venue's own journal: an open order,
 * more held than was there before us, less held than that at any moment (P27, P29), something of ours but the kill's admitted
 * after the latch (P25), and every difference between ledger and venue.
 */
export async function judge(world: KillWorld, { account, journalFile }: Lane): Promise<string[]> {
  const witness = readWitness(journalFile, VENUE_ACCOUNT);
  const ended = new Set(witness.fills.filter(({ status }) => status === 'FILLED').map(({ orderId }) => orderId));
  const orders = [...witness.orders.values()].flat();
  const open = orders.filter(({ status, orderId }) => (status === 'NEW' || status === 'PARTIALLY_FILLED') && !ended.has(orderId));
  const { least, last } = held(journalFile);
  const { rows: latches } = await world.pool.query<{ time: string }>('select min(epoch_ms(engaged_at)) as time from latches');
  const latchedTime = Number(latches[0]?.time);
  const late = orders.filter(({ time, clientOrderId }) => time > latchedTime && !clientOrderId.startsWith(FOREIGN));
  const { rows: ofTheKill } = await world.pool.query<{ id: string }>(
    `select client_order_id as id from orders where account = $1 and purpose = 'flatten'`,
    [account],
  );
  const differences = await disagreements(world.pool, account, witness);
  return [
    ...open.map(({ clientOrderId }) => `order ${clientOrderId} is still open`),
    ...(least.lt(INVENTORY.BTC) ? [`oversold: only ${least.toFixed()} BTC were there at a moment`] : []),
    ...(last.minus(INVENTORY.BTC).gt(DUST) ? [`not flat: ${last.toFixed()} BTC are held`] : []),
    ...late
      .filter(({ clientOrderId }) => !ofTheKill.some(({ id }) => id === clientOrderId))
      .map(({ clientOrderId }) => `order ${clientOrderId} was admitted after the latch`),
    ...differences.filter((one) => !one.includes(FOREIGN)),
  ].map((one) => `${account}: ${one}`);
}

/** The least that was ever there of the coin, and what is there now. */
function held(journalFile: string): { readonly least: Decimal; readonly last: Decimal } {
  let [least, last] = [decimal(INVENTORY.BTC), ZERO];
  readJournal(journalFile, ({ events }) => {
    for (const event of events) {
      if (event.type === 'balance' && event.account === VENUE_ACCOUNT && event.asset === 'BTC')
        last = decimal(event.free).plus(decimal(event.locked));
    }
    // A line happens as a whole.
    if (!last.isZero() && last.lt(least)) least = last;
  });
  return { least, last };
}
