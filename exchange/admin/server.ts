import { createServer, type Server } from 'node:http';
import { wireText } from '../amount/units.js';
import type { Venue } from '../venue.js';

/** The second port, for people and tests; clients that trade never see it. */
export function createAdminServer(venue: Venue): Server {
  return createServer((request, response) => {
    request.resume();
    const answer = request.method === 'GET' ? pages(venue)[request.url ?? '/'] : undefined;
    const body = JSON.stringify(answer === undefined ? { error: 'no such page' } : answer());
    response.writeHead(answer === undefined ? 404 : 200, { 'content-type': 'application/json' });
    response.end(body);
  });
}

function pages(venue: Venue): Readonly<Record<string, () => unknown>> {
  return {
    '/instruments': () => instrumentList(venue),
    '/accounts': () =>
      [...venue.ledger.accounts()].map((name) => ({
        name,
        balances: [...venue.ledger.balances(name)].map(([asset, { free, locked }]) => ({
          asset,
          free: wireText(free),
          locked: wireText(locked),
        })),
      })),
    '/clock': () => ({ now: venue.now(), shiftMs: venue.clockShiftMs }),
  };
}

/** Every instrument with what its prices are: recorded or simulated. */
export function instrumentList(venue: Venue): Record<string, unknown>[] {
  return [...venue.books.values()].map(({ instrument, lastPrice, halted }) => ({
    instrument: instrument.name,
    symbol: instrument.symbol,
    prices: instrument.origin,
    source: instrument.source,
    intervalMs: venue.intervalMs,
    lastPrice: wireText(lastPrice),
    halted,
  }));
}
