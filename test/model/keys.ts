import type { Actor, Aim, Books, Held, Place, Row, Seen, VenueStatus, World } from './world.js';
import type { OrderStatus } from '../../core/order/lifecycle.js';

/**
 * Keys of worlds: every part as one whole number, exact and without collisions. A part's fields are its digits, each in a
 * base of its own; one that does not fit fails loudly.
 */
class Digits {
  private number = 0;

  add(value: number, base: number): this {
    if (value < 0 || value >= base) throw new RangeError(`the model's key has no room for ${value} below ${base}`);
    this.number = this.number * base + value;
    return this;
  }

  flag(value: boolean): this {
    return this.add(value ? 1 : 0, 2);
  }

  get value(): number {
    return this.number;
  }
}

type Codes<T extends string> = Readonly<Record<T, number>>;

const ORDER_STATUS: Codes<OrderStatus> = {
  initialized: 0,
  denied: 1,
  authorised: 2,
  submitting: 3,
  accepted: 4,
  partiallyFilled: 5,
  pendingCancel: 6,
  filled: 7,
  canceled: 8,
  expired: 9,
  rejected: 10,
  unknown: 11,
  notPlaced: 12,
};
const VENUE_STATUS: Codes<VenueStatus> = { none: 0, open: 1, triggered: 2, filled: 3, canceled: 4, expired: 5, rejected: 6 };
const PLACE: Codes<Place> = {
  idle: 0,
  ask: 1,
  authorise: 2,
  submit: 3,
  socket: 4,
  reply: 5,
  verify: 6,
  fence: 7,
  look: 8,
  lookAgain: 9,
  prove: 10,
  adopt: 11,
  cancel: 12,
  lookAfterCancel: 13,
  resolved: 14,
  wishCancel: 15,
  balance: 16,
  over: 17,
  target: 18,
  absent: 19,
  leaving: 20,
  paired: 21,
};
const AIM: Codes<Aim> = { none: 0, settle: 1, end: 2, away: 3 };
const ANSWER: Codes<Held['answer']> = { none: 0, accepted: 1, rejected: 2, reached: 3 };
const EXIT: Codes<Books['exit']> = { none: 0, asked: 1, done: 2 };

/** More units, ticks, tries or slots than these do not fit; every scenario stays far below. */
const UNITS = 8;
const TICKS = 8;
const SLOTS = 16;
const ACTORS = 6;

function actorKey({ place, slot, quantity, isFresh, seen, aim, count }: Actor): number {
  const digits = new Digits()
    .add(PLACE[place], 22)
    .add(slot + 1, SLOTS)
    .add(quantity, UNITS)
    .flag(isFresh);
  digits.add(AIM[aim], 4).add(count, 4);
  return seen === null ? digits.add(0, 1 + 7 * UNITS).value : digits.add(1 + seenKey(seen), 1 + 7 * UNITS).value;
}

export const seenKey = ({ status, executed }: Seen): number => new Digits().add(VENUE_STATUS[status], 7).add(executed, UNITS).value;

export function rowKey(row: Row | null): number {
  return row === null ? 0 : 1 + leaselessKey(row) * ACTORS + row.lease + 1;
}

function leaselessKey(row: Row): number {
  const digits = new Digits().add(ORDER_STATUS[row.status], 13).add(row.quantity, UNITS).add(row.executed, UNITS).add(row.reserved, UNITS);
  digits.flag(row.isFinal).flag(row.isKnown).flag(row.isTriggered).flag(row.wasReached);
  digits
    .add(row.venueEnd === null ? 0 : VENUE_STATUS[row.venueEnd], 7)
    .add(row.venueExecuted === null ? 0 : row.venueExecuted + 1, UNITS + 1);
  return digits.add(row.age + 1, TICKS).add(row.born, SLOTS).value;
}

function heldKey(held: Held): number {
  const digits = new Digits()
    .add(VENUE_STATUS[held.status], 7)
    .add(held.admissions, 4)
    .add(held.executed, UNITS)
    .add(held.hidden + 1, TICKS);
  digits.add(ANSWER[held.answer], 4).add(held.flying.length, 4);
  for (const age of held.flying) digits.add(age, TICKS);
  return digits.value;
}

function booksKey(books: Books): number {
  const digits = new Digits().add(books.position + UNITS, 2 * UNITS).add(EXIT[books.exit], 3);
  digits.flag(books.isLatched).flag(books.isTold).flag(books.isBlocked).flag(books.isVerified).flag(books.isCut);
  return digits.add(books.crime === null ? 0 : books.crime.length, 64).value;
}

/** Of which leases this actor is the holder: that of now, and those that rows were written under. Only who flattens has any. */
function leasesOf(index: number, { books, rows }: World): number {
  let leases = books.lease === index ? 1 : 0;
  for (const row of rows) leases = leases * 2 + (row?.lease === index ? 1 : 0);
  return leases;
}

/** Actors of one role stand together and are alike: which of them is where, and holds which lease, makes no difference. */
function actorParts(world: World): number[] {
  const { actors } = world;
  const parts = actors.map((actor, index) => actorKey(actor) * 2 ** SLOTS + (actor.role === 'killer' ? leasesOf(index, world) : 0));
  for (let index = 1; index < parts.length; index += 1) {
    for (let at = index; at > 0 && actors[at]?.role === actors[at - 1]?.role; at -= 1) {
      const [before = 0, here = 0] = [parts[at - 1], parts[at]];
      if (before <= here) break;
      [parts[at - 1], parts[at]] = [here, before];
    }
  }
  return parts;
}

const rowText = (row: Row | null): string => characters(row === null ? 0 : 1 + leaselessKey(row));
const heldText = (held: Held | null): string => characters(held === null ? 0 : 1 + heldKey(held));

/** The world whose steps are being taken, with the texts of its parts. */
let latest: { readonly world: World; readonly rows: readonly string[]; readonly held: readonly string[] } | undefined;

/**
 * The key of a world: equal for those that differ in the names of actors of one role only.
 * @param before the world that it came from: most of its parts are that one's.
 */
export function worldKey(world: World, before: World): string {
  if (latest?.world !== before) latest = { world: before, rows: before.rows.map(rowText), held: before.held.map(heldText) };
  const { rows, held } = latest;
  let key = characters(booksKey(world.books));
  world.rows.forEach((row, slot) => (key += row === before.rows[slot] ? (rows[slot] ?? '') : rowText(row)));
  world.held.forEach((one, slot) => (key += one === before.held[slot] ? (held[slot] ?? '') : heldText(one)));
  for (const part of actorParts(world)) key += characters(part);
  return key;
}

/** Sixteen bits a character, the upper ones only where there are any, and a length that tells. */
function characters(number: number): string {
  if (number < 0x8000) return String.fromCharCode(number);
  const low = number % 0x8000;
  const high = Math.floor(number / 0x8000);
  const top = Math.floor(high / 0x8000);
  return String.fromCharCode(0x8000 + low, 0x8000 + (high % 0x8000), top);
}
