import { createHash, createHmac } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { VenueAddresses } from '../../../adapters/venue/profiles/wire-profile.js';
import { StubAccount } from './account.js';
import type { StubError } from './errors.js';
import { IN_DOLLARS, PRIVATE_ROUTES, PUBLIC_ROUTES, type Reply, type StubState, type StubWords } from './replies.js';

export const STUB_KEY = 'stub-key';
export const STUB_SECRET = Buffer.from('a secret of the stub').toString('base64');

export interface StubRequest {
  readonly call: string;
  readonly params: URLSearchParams;
}

/**
 * A loopback server that answers as Kraken's documentation says, with an account behind it. It proves nothing about the
 * venue: it holds the adapter to what the documentation was understood to say.
 */
export interface KrakenStub {
  readonly urls: VenueAddresses;
  readonly port: number;
  readonly account: StubAccount;
  /** Every request that arrived, whole. */
  readonly arrived: StubRequest[];
  /** Client order ids that lists do not show yet. */
  readonly hidden: Set<string>;
  /** The next request of `call`, or the one that comes after so many, is answered so, and is not worked on. */
  answerNext(call: string, reply: Scripted, after?: number): void;
  /** The next request of `call` is on its way until this is over, which begins when it has been sent. */
  delayNext(call: string, until: (request: StubRequest) => Promise<unknown>): void;
  /** The highest number of a request so far. */
  highestNonce: number;
  /** How many requests were refused for their number. */
  staleNonces: number;
  /** Puts the venue's clock so far ahead of ours, ms. */
  aheadMs: number;
  /** How far below the highest one a nonce may be that was not used yet, as a key's settings say. */
  nonceWindow: number;
  /** Places in which it says to keep what is traded; its balances are whole all the same. */
  basePlaces: number;
  /** False: lists are given whole, whatever client order id was asked for. */
  heedsFilters: boolean;
  /** How far ahead of its now a deadline has to be, ms. What its documentation says is 2,000; nobody has seen it enforced. */
  leastDeadlineMs: number;
  /** Whether the key's counter has no room for a call, which is then refused and not worked on; whoever has filled it. */
  isFull: (call: string) => boolean;
  /** What the key may do, by the words of its settings page; undefined: not told. */
  permissions: readonly string[] | undefined;
  close(): Promise<void>;
}

type Scripted = Reply | { readonly status: number; readonly body: string };

export async function krakenStub(words: StubWords = IN_DOLLARS): Promise<KrakenStub> {
  const scripted = new Map<string, { readonly reply: Scripted; readonly after: number }>();
  const delays = new Map<string, (request: StubRequest) => Promise<unknown>>();
  const nonces = new Set<number>();

  const now = (): number => Date.now() + stub.aheadMs;
  const authorise = (request: IncomingMessage, body: string, params: URLSearchParams): StubError | undefined => {
    if (request.headers['api-key'] !== STUB_KEY) return 'EAPI:Invalid key';
    if (request.headers['api-sign'] !== signature(request.url ?? '', params.get('nonce') ?? '', body)) return 'EAPI:Invalid signature';
    const nonce = Number(params.get('nonce'));
    if (!(nonce > stub.highestNonce - stub.nonceWindow) || nonces.has(nonce)) {
      stub.staleNonces += 1;
      return 'EAPI:Invalid nonce';
    }
    nonces.add(nonce);
    stub.highestNonce = Math.max(stub.highestNonce, nonce);
    return undefined;
  };

  const answer = async (request: IncomingMessage, body: string): Promise<{ readonly status: number; readonly body: string }> => {
    const { pathname, searchParams } = new URL(request.url ?? '', 'http://stub');
    const [, , access, call = ''] = pathname.split('/');
    const params = access === 'private' ? new URLSearchParams(body) : searchParams;
    const delay = delays.get(call);
    delays.delete(call);
    await delay?.({ call, params });
    stub.arrived.push({ call, params });
    const refusal = access === 'private' ? authorise(request, body, params) : undefined;
    if (refusal !== undefined) return answered({ error: [refusal] });
    if (access === 'private' && stub.isFull(call)) return answered({ error: ['EAPI:Rate limit exceeded' satisfies StubError] });
    const next = scripted.get(call);
    if (next !== undefined && next.after > 0) scripted.set(call, { ...next, after: next.after - 1 });
    else scripted.delete(call);
    const given = next?.after === 0 ? next.reply : undefined;
    if (given !== undefined) return 'status' in given ? given : answered(given);
    const route = (access === 'private' ? PRIVATE_ROUTES : PUBLIC_ROUTES)[call];
    const { account, hidden, basePlaces, heedsFilters, leastDeadlineMs, permissions } = stub;
    const state: StubState = { words, account, now, hidden, basePlaces, heedsFilters, leastDeadlineMs, permissions };
    return answered(route?.handle(state, params) ?? { error: ['EGeneral:Unknown method' satisfies StubError] });
  };

  const server = createServer((request, response) => {
    const parts: Buffer[] = [];
    request.on('data', (part: Buffer) => parts.push(part));
    request.on('end', () => {
      void answer(request, Buffer.concat(parts).toString()).then(({ status, body }) =>
        response.writeHead(status, { 'content-type': 'application/json' }).end(body),
      );
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const host = `127.0.0.1:${port}`;
  const stub: KrakenStub = {
    urls: { rest: `http://${host}`, stream: `ws://${host}/v2`, wsApi: `ws://${host}/v2` },
    port,
    account: new StubAccount(() => now()),
    arrived: [],
    hidden: new Set(),
    answerNext: (call, reply, after = 0) => void scripted.set(call, { reply, after }),
    delayNext: (call, until) => void delays.set(call, until),
    staleNonces: 0,
    highestNonce: 0,
    aheadMs: 0,
    nonceWindow: 0,
    basePlaces: 10,
    heedsFilters: true,
    leastDeadlineMs: 0,
    isFull: () => false,
    permissions: ['query-funds', 'modify-trades'],
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
  return stub;
}

/** Errors come with status 200, as every answer of the venue's API does: https://docs.kraken.com/exchange/guides/general/errors */
function answered(reply: Reply): { readonly status: number; readonly body: string } {
  return { status: 200, body: JSON.stringify('error' in reply ? reply : { error: [], ...reply }) };
}

/** HMAC-SHA512 of path and SHA-256(nonce + body), by the decoded secret: https://docs.kraken.com/exchange/guides/rest/authentication */
function signature(path: string, nonce: string, body: string): string {
  const message = createHash('sha256')
    .update(nonce + body)
    .digest();
  return createHmac('sha512', Buffer.from(STUB_SECRET, 'base64')).update(path).update(message).digest('base64');
}
