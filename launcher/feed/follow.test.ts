import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, it } from 'vitest';
import type { LauncherEvent } from '../screen/events.js';
import { apiReader } from './api-reader.js';
import type { ApiReader } from './api-reader.js';
import { follow } from './follow.js';
import type { AuditEvent } from './translate.js';
import { eventually } from '../../test/support/eventually.js';

const fill = (id: string): AuditEvent => ({
  id,
  time: Number(id),
  kind: 'fill.booked',
  account: 'main',
  data: { instrument: 'SPX/USDT', side: 'buy', quantity: id, price: '1' },
});

/** An API that has the given events, fails every other call, and tells an equity that grows by one with each call. */
class FlakyApi implements ApiReader {
  #calls = 0;
  #equity = 100;
  readonly all: readonly AuditEvent[];
  constructor(all: readonly AuditEvent[]) {
    this.all = all;
  }
  events(after: string): Promise<readonly AuditEvent[]> {
    this.#calls += 1;
    if (this.#calls % 2 === 0) return Promise.reject(new Error('not now'));
    return Promise.resolve(this.all.filter((event) => Number(event.id) > Number(after)).slice(0, 2));
  }
  equity() {
    return Promise.resolve([{ account: 'main', equity: String(this.#equity++), quote: 'USDT' }]);
  }
  modes() {
    return Promise.resolve({ modes: {}, halts: [] });
  }
}

describe('follow', () => {
  it('shows every event once and in order, whatever fails in between', async () => {
    const stop = new AbortController();
    const shown: LauncherEvent[] = [];
    const api = new FlakyApi(['3', '4', '5', '6', '7'].map(fill));
    const done = follow({ api, after: '3', show: (event) => shown.push(event), signal: stop.signal, pollMs: 1, equityEveryMs: 1e9 });
    await eventually(() => expect(shown.filter((event) => event.event === 'fill')).toHaveLength(4));
    stop.abort();
    await done;
    expect(shown.flatMap((event) => (event.event === 'fill' ? [event.quantity] : []))).toEqual(['4', '5', '6', '7']);
  });

  it('shows equity when it changed, not too often, with the change since the start', async () => {
    const stop = new AbortController();
    const shown: LauncherEvent[] = [];
    let now = 0;
    const show = (event: LauncherEvent): void => void shown.push(event);
    const done = follow({
      api: new FlakyApi([]),
      after: '0',
      show,
      signal: stop.signal,
      now: () => (now += 500),
      pollMs: 1,
      equityEveryMs: 5000,
    });
    await eventually(() => expect(shown.length).toBeGreaterThanOrEqual(3));
    stop.abort();
    await done;
    const times = shown.map((event) => event.time);
    expect(shown.slice(0, 3)).toMatchObject([{ equity: '100' }, { equity: '101', change: '1' }, { equity: '102', change: '2' }]);
    expect(times[1]! - times[0]!).toBeGreaterThanOrEqual(5000);
  });
});

describe('apiReader', () => {
  it('sends the key, and reads events, equity and modes', async () => {
    const answers: Readonly<Record<string, unknown>> = {
      '/v1/events?after=4&limit=200': {
        events: [{ id: '5', time: 1, kind: 'fill.booked', account: 'main', subject: null, data: { a: 1 } }],
      },
      '/v1/equity?limit=20': {
        snapshots: [
          { account: 'main', takenAt: 1, equity: '1', quote: 'USDT' },
          { account: 'main', takenAt: 2, equity: '2', quote: 'USDT' },
        ],
      },
      '/v1/status': {
        accounts: [
          { account: 'main', mode: 'paused', latches: [] },
          {
            account: 'desk',
            mode: 'killed',
            latches: [
              { latchId: 'l-1', scope: 'everything', scopeValue: '', policy: 'atOnce', reason: 'a spread', subject: 'rik', engagedAt: 1 },
            ],
          },
        ],
      },
    };
    const server = createServer((request, response) => {
      const answer = request.headers.authorization === 'Bearer secret' ? answers[request.url ?? ''] : undefined;
      response.writeHead(answer === undefined ? 401 : 200).end(JSON.stringify(answer ?? {}));
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const address = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const { signal } = new AbortController();
    try {
      const api = apiReader(() => address, 'secret');
      expect(await api.events('4', signal)).toEqual([{ id: '5', time: 1, kind: 'fill.booked', account: 'main', data: { a: 1 } }]);
      expect(await api.equity(signal)).toEqual([{ account: 'main', equity: '2', quote: 'USDT' }]);
      expect(await api.modes(signal)).toEqual({
        modes: { main: 'paused', desk: 'killed' },
        halts: [{ account: 'desk', what: 'everything', by: 'rik', reason: 'a spread', isSold: true }],
      });
      await expect(apiReader(() => address, 'wrong').modes(signal)).rejects.toThrow('answered 401');
    } finally {
      server.closeAllConnections();
      server.close();
    }
  });
});
