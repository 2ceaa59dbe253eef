import { subscribe } from 'node:diagnostics_channel';
import type { IncomingMessage } from 'node:http';
import { unitsOf } from '../../exchange/amount/units.js';
import { loadMarket } from '../../exchange/market/load.js';
import { serve } from '../../exchange/serve.js';
import { Venue } from '../../exchange/venue.js';
import { BarSource } from './bar-source.js';
import { BAR_MS, INSTRUMENTS } from './schedule.js';
import { now, type PaceMessage } from './stamps.js';

/** The paper venue in a process of its own, which tells when a frame left and when an order request arrived. */

const TELL_EVERY_MS = 500;
const [journalFile, key, secret] = process.argv.slice(2) as [string, string, string];

let frames: [string, number][] = [];
let posts: [string, number][] = [];

const simulations = INSTRUMENTS.map((instrument, index) => ({ instrument, seed: index + 1, startPrice: 100, volatility: 0.0003 }));
const balances = new Map([['USDT', unitsOf('100000000')]]);
const venue = new Venue({
  instruments: loadMarket({ data: [], simulations, startOffset: 0, atEnd: 'loop', seed: 7 }),
  intervalMs: BAR_MS,
  seed: 7,
  depthNotional: 1_000_000,
  feeRates: { maker: 100n, taker: 100n },
  rateLimits: { weightPerMinute: 100_000_000, ordersPer10Seconds: 1_000_000 },
  accounts: [{ name: 'main', key, secret, balances, permissions: ['read', 'trade'], feeAsset: 'received' }],
  journalFile,
  now: Date.now,
});

subscribe('http.server.request.start', (message) => {
  const { request } = message as { request: IncomingMessage };
  if (request.method !== 'POST' || request.url?.startsWith('/api/v3/order') !== true) return;
  const at = now();
  let text = request.url;
  request.on('data', (chunk: Buffer) => (text += `&${chunk.toString('latin1')}`));
  request.on('end', () => posts.push([/[?&]newClientOrderId=([^&]+)/.exec(text)?.[1] ?? '', at]));
});

const source = new BarSource(venue, (bar, at) => frames.push([bar, at]));
const serving = await serve(venue, 0, 0);
process.on('message', ({ pace }: PaceMessage) => {
  source.pace = pace;
});
process.on('disconnect', () => process.exit());
setInterval(() => {
  if (process.connected) process.send?.({ type: 'venueStamps', frames, posts });
  [frames, posts] = [[], []];
}, TELL_EVERY_MS);
process.send?.({ type: 'listening', ...serving.addresses, stream: await source.address() });
