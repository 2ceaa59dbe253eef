import type { InstrumentBook } from '../book/instrument-book.js';
import type { Tape } from '../market/tape.js';
import { VenueError } from '../matching/venue-error.js';
import type { Venue } from '../venue.js';
import type { Call } from './route.js';

const SYMBOL = /^[A-Z0-9]{1,20}$/;

export function symbolOf(call: Call): string {
  return checkedSymbol(call.venue, call.params.required('symbol'));
}

/** @throws VenueError −1100, −1121 */
export function checkedSymbol(venue: Venue, symbol: string): string {
  if (!SYMBOL.test(symbol)) {
    throw new VenueError(-1100, "Illegal characters found in parameter 'symbol'; legal range is '^[A-Z0-9-_.]{1,20}$'.");
  }
  if (!venue.books.has(symbol)) throw new VenueError(-1121, 'Invalid symbol.');
  return symbol;
}

export function bookOf(call: Call): InstrumentBook {
  return call.venue.books.get(symbolOf(call)) as InstrumentBook;
}

export function tapeOf(call: Call): Tape {
  return call.venue.tapes.get(symbolOf(call)) as Tape;
}

/** The symbols that a ticker call asks for: one, several, or all; `isList` says how the answer is shaped. */
export function symbolsOf(call: Call): { symbols: string[]; isList: boolean } {
  const one = call.params.optional('symbol');
  if (one !== undefined) return { symbols: [checkedSymbol(call.venue, one)], isList: false };
  const several = call.params.optional('symbols');
  if (several === undefined) return { symbols: [...call.venue.books.keys()], isList: true };
  let list: unknown;
  try {
    list = JSON.parse(several);
  } catch {
    list = undefined;
  }
  if (!Array.isArray(list) || list.length > 100 || !list.every((symbol) => typeof symbol === 'string')) {
    throw new VenueError(-1100, "Illegal characters found in parameter 'symbols'.");
  }
  return { symbols: list.map((symbol: string) => checkedSymbol(call.venue, symbol)), isList: true };
}
