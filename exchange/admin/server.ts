import { createServer, type IncomingMessage, type Server } from 'node:http';
import { VenueError } from '../matching/venue-error.js';
import { errorJson } from '../rest/dispatch.js';
import type { Streams } from '../streams/upgrade.js';
import type { Venue } from '../venue.js';
import { Body, BodyError } from './body.js';
import { ADMIN_ROUTES } from './routes.js';

const MOST_BODY_BYTES = 64 * 1024;

/** The second port, for people and tests; clients that trade never see it. */
export function createAdminServer(venue: Venue, streams: Streams): Server {
  return createServer((request, response) => {
    const chunks: Buffer[] = [];
    let length = 0;
    request.on('data', (chunk: Buffer) => {
      length += chunk.length;
      if (length <= MOST_BODY_BYTES) chunks.push(chunk);
      else request.destroy();
    });
    request.on('end', () => {
      const [status, answer] = answerTo(venue, streams, request, Buffer.concat(chunks).toString('utf8'));
      response.writeHead(status, { 'content-type': 'application/json' });
      response.end(JSON.stringify(answer));
    });
  });
}

function answerTo(venue: Venue, streams: Streams, request: IncomingMessage, text: string): [number, unknown] {
  const [path = '/'] = (request.url ?? '/').split('?');
  const found = routeOf(`${request.method ?? 'GET'} ${path}`);
  if (found === undefined) return [404, { error: 'no such page', pages: Object.keys(ADMIN_ROUTES) }];
  try {
    return [200, ADMIN_ROUTES[found.route]?.({ venue, streams, body: new Body(text), name: found.name })];
  } catch (error) {
    if (error instanceof BodyError) return [400, { error: error.message }];
    if (error instanceof VenueError) return [error.status, errorJson(error)];
    throw error;
  }
}

/** `POST /orders/7/cancel` is the route `POST /orders/:/cancel` with the name 7. */
function routeOf(line: string): { route: string; name: string } | undefined {
  if (Object.hasOwn(ADMIN_ROUTES, line)) return { route: line, name: '' };
  const parts = line.split('/');
  const name = parts[2] ?? '';
  parts[2] = ':';
  const route = parts.join('/');
  return name !== '' && Object.hasOwn(ADMIN_ROUTES, route) ? { route, name } : undefined;
}
