import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { addressesIn, assertAddresses, redirect } from './addresses.js';
import { ccxtClasses } from './ccxt-classes.js';
import { restClient, streamsClient } from './ccxt-client.js';
import { createVenue } from './create-venue.js';
import { KeepAliveTransport } from './keep-alive-transport.js';
import { BINANCE, paper } from './profiles/binance.js';
import { KRAKEN } from './profiles/kraken.js';
import { json, scriptedVenue, type ScriptedVenue } from '../../test/support/scripted-venue.js';

const GIVEN = { rest: 'http://127.0.0.1:7410', stream: 'ws://127.0.0.1:7410/ws', wsApi: 'ws://127.0.0.1:7410/ws-api/v3' };
const SETTINGS = {
  classes: await ccxtClasses('binance'),
  apiKey: 'key',
  secret: 'secret',
  options: BINANCE.options,
  unasked: [],
  nonce: Date.now,
};
const kraken = await ccxtClasses('kraken');
const transport = new KeepAliveTransport({ clock: Date.now, answerLimitMs: 1_000 });
const clients = {
  orders: () => restClient(SETTINGS, transport, false),
  reads: () => restClient(SETTINGS, transport, true),
  streams: () => streamsClient(SETTINGS, 5_000),
};

describe.each(Object.entries(clients))('the client for %s', (_, make) => {
  it('points nowhere but at the given addresses, in every group', () => {
    const client = make();
    expect(addressesIn(client.urls).length).toBeGreaterThan(20);
    redirect(client, paper(), GIVEN);
    const after = addressesIn({ urls: client.urls, options: client.options });
    expect(after.length).toBeGreaterThan(20);
    expect(after.filter(({ address }) => new URL(address).host !== '127.0.0.1:7410')).toEqual([]);
    expect(() => assertAddresses(client, 'paper', GIVEN, false)).not.toThrow();
  });

  it('is refused while one address leads elsewhere, wherever it is', () => {
    const client = make();
    redirect(client, paper(), GIVEN);
    (client.urls.api as unknown as Record<string, string>)['sapiV4'] = 'https://api.example.com/sapi/v4';
    expect(() => assertAddresses(client, 'paper', GIVEN, false)).toThrow(/CONFIG_VENUE_ADDRESS.*sapiV4.*api\.example\.com/);
  });

  it('keeps the path of each group', () => {
    const client = make();
    redirect(client, paper(), GIVEN);
    expect(client.urls.api).toMatchObject({
      private: 'http://127.0.0.1:7410/api/v3',
      sapi: 'http://127.0.0.1:7410/sapi/v1',
      fapiPublic: 'http://127.0.0.1:7410/fapi/v1',
    });
  });
});

describe("kraken's clients", () => {
  const settings = { classes: kraken, apiKey: 'key', secret: 'c2VjcmV0', options: KRAKEN.options, unasked: [], nonce: Date.now };
  const given = { rest: 'http://127.0.0.1:7410', stream: 'ws://127.0.0.1:7411/v2', wsApi: 'ws://127.0.0.1:7412/v2' };

  it.each([restClient(settings, transport, false), streamsClient(settings, 5_000)])(
    'point nowhere but at the given addresses',
    (client) => {
      redirect(client, KRAKEN, given);
      expect(() => assertAddresses(client, 'kraken', given, false)).not.toThrow();
      expect(client.urls.api).toMatchObject({ public: 'http://127.0.0.1:7410', private: 'http://127.0.0.1:7410' });
    },
  );

  it('keep private streams apart from public ones', () => {
    const client = streamsClient(settings, 5_000);
    redirect(client, KRAKEN, given);
    expect(client.urls.api).toMatchObject({ ws: { publicV2: 'ws://127.0.0.1:7411/v2', privateV2: 'ws://127.0.0.1:7412/v2' } });
  });
});

describe('a venue', () => {
  it.each([
    ['rest', 'https://api.example.com'],
    ['stream', 'wss://stream.example.com/ws'],
    ['wsApi', 'wss://ws.example.com/ws-api/v3'],
    ['rest', 'http://localhost.example.com'],
    ['rest', 'http://127.0.0.1.example.com'],
  ])('on paper with a foreign %s address %s is refused before anything is asked', async (key, address) => {
    const made = createVenue({ profile: paper(), urls: { ...GIVEN, [key]: address }, apiKey: 'key', secret: 'secret', clock: Date.now });
    await expect(made).rejects.toMatchObject({ failure: { code: 'CONFIG_VENUE_ADDRESS', values: { venue: 'paper' } } });
  });

  it('that is live may leave this machine, but only to the given hosts', () => {
    const client = clients.orders();
    const live = { rest: 'https://api.example.com', stream: 'wss://stream.example.com/ws', wsApi: 'wss://ws.example.com/ws-api/v3' };
    redirect(client, BINANCE, live);
    expect(() => assertAddresses(client, 'binance', live, true)).not.toThrow();
    expect(() => assertAddresses(client, 'binance', live, false)).toThrow(/CONFIG_VENUE_ADDRESS/);
    client.options['somewhere'] = { deep: 'https://other.example.com/' };
    expect(() => assertAddresses(client, 'binance', live, true)).toThrow(/other\.example\.com/);
  });

  it.each(['[::1]', '127.9.9.9', '10.0.0.7', '192.168.1.2', '172.16.0.3', 'paper-venue', 'venue.internal', 'testnet.binance.vision'])(
    'on paper may be at %s, as the configuration says',
    (host) => {
      const client = clients.orders();
      const given = { rest: `https://${host}`, stream: `wss://${host}/ws`, wsApi: `wss://${host}/ws-api/v3` };
      redirect(client, paper(), given);
      expect(() => assertAddresses(client, 'paper', given, false)).not.toThrow();
    },
  );

  it.each(['0.0.0.0', '127.0.0.1.nip.io', '172.32.0.1', 'api.binance.com', 'api.kraken.com'])('on paper may not be at %s', (host) => {
    const client = clients.orders();
    const given = { rest: `https://${host}`, stream: `wss://${host}/ws`, wsApi: `wss://${host}/ws-api/v3` };
    redirect(client, paper(), given);
    expect(() => assertAddresses(client, 'paper', given, false)).toThrow(/CONFIG_VENUE_ADDRESS/);
  });
});

describe('creating a venue', () => {
  let wire: ScriptedVenue;
  beforeAll(async () => {
    wire = await scriptedVenue();
  });
  afterAll(() => wire.close());
  const create = (more: object = {}) =>
    createVenue({ profile: paper(), urls: wire.urls, apiKey: 'key', secret: 'secret', clock: Date.now, ...more });

  it('asks for nothing but the time and the instruments, once', async () => {
    const venue = await create({ warmSockets: 3 });
    expect(new Set(wire.arrived.map((item) => item.path))).toEqual(new Set(['/api/v3/time', '/api/v3/exchangeInfo']));
    expect(wire.arrived.filter((item) => item.path === '/api/v3/exchangeInfo')).toHaveLength(1);
    await venue.close();
  });

  it('opens beside an instrument that is not listed, and knows only of those that are', async () => {
    const venue = await create({ instruments: ['DOGE/USDT', 'BTC/USDT'] });
    expect((await venue.reader.instruments()).map(({ instrument }) => instrument)).toEqual(['BTC/USDT']);
    await expect(venue.reader.book('DOGE/USDT')).rejects.toMatchObject({
      failure: { code: 'RISK_INSTRUMENT_UNKNOWN', values: { instrument: 'DOGE/USDT' } },
    });
    await venue.close();
  });

  it('fails as unavailable when the venue is down, and leaves nothing open', async () => {
    wire.acts.set('GET /api/v3/exchangeInfo', () => json({ code: -1000, msg: 'down' }, 503));
    await expect(create()).rejects.toMatchObject({ failure: { code: 'VENUE_UNAVAILABLE', values: { call: 'instruments' } } });
  });
});
