import type { LedgerStore, Movement } from '../../activities/ports/ledger.js';
import { KeelsonError } from '../../core/errors.js';
import { decimal } from '../../core/money/index.js';
import type { Caller } from '../auth/caller.js';

/** What a person says of a movement. */
export interface MovementWish extends Omit<Movement, 'subject' | 'underKey' | 'unlessAlike'> {
  /** It is another one than what looks like it and is booked. */
  readonly isAnother: boolean;
}

type Wish = Omit<MovementWish, 'isAnother'>;

/** 2009: before that nothing was moved that is booked here. */
const SINCE = Date.UTC(2009);

/** What the statement's word means, and what to do. */
const WHY: Readonly<Record<string, string>> = {
  amount:
    'at most 18 digits before the point; a deposit is above zero; a withdrawal, and a transfer from the account that it leaves, below',
  asset: 'the asset has no name that can be one: capital letters, digits, and . _ - between them',
  eventTime: 'it has happened, and not before 2009: the time is in milliseconds',
  held: 'the positions hold what it would take, and their stops with it: compare the account first (keelson reconcile run), then decide what it finds',
  unshown:
    'positions hold this asset, and no comparison has found that more of it is there: compare first (keelson reconcile run), then decide what it finds',
  account: 'there is no such account',
  counterAccount: 'a transfer, and nothing else, names another account of ours',
  kind: 'there is no such kind of movement',
  incident: 'it needs an incident of the account that is open: keelson incidents list',
  person: 'an operator or admin has to book it, under a key that counts',
  otherMovement: 'this id was used for another movement: use a new one',
  referenceUsed: 'the venue’s reference was used for another movement: look at the venue’s own list',
};

/** Not all that may be wrong with such a thing, where what is wrong can be seen. */
function whyOf(word: string, { kind, amount, eventTime }: Wish): string {
  const sign = decimal(amount);
  if (word === 'amount' && kind === 'deposit' && sign.lte(0)) return 'a deposit is above zero';
  if (word === 'amount' && kind === 'withdrawal' && sign.gt(0)) return `a withdrawal is below zero, such as -${amount}`;
  if (word === 'eventTime' && eventTime > SINCE) return 'it is booked once it has happened, and that time is still to come';
  return WHY[word] ?? word;
}

function alikeText({ kind, amount, asset }: Wish, { movementId, eventTime }: { movementId: string; eventTime: number }): string {
  const at = new Date(eventTime).toISOString();
  return `a ${kind} of ${amount} ${asset} at ${at} is booked already (${movementId}), and may be the same: if it is another one, say so (keelson ledger book … --another, isAnother), or give the venue’s reference of each`;
}

/**
 * Books a movement under the caller's own name and key.
 * @throws KeelsonError LEDGER_NOT_BOOKED
 */
export async function bookMovement(
  ledger: Pick<LedgerStore, 'bookMovement'>,
  { subject, keyId }: Caller,
  { isAnother, ...wish }: MovementWish,
): Promise<{ readonly movementId: string; readonly isNew: boolean }> {
  const { movementId, account } = wish;
  const booking = await ledger.bookMovement({ ...wish, subject, underKey: keyId, unlessAlike: !isAnother });
  if (booking.kind === 'refused') {
    const why = booking.alike === undefined ? whyOf(booking.why, wish) : alikeText(wish, booking.alike);
    throw new KeelsonError('LEDGER_NOT_BOOKED', { account, why });
  }
  return { movementId: booking.movementId ?? movementId, isNew: booking.kind === 'booked' };
}
