import { describe, expect, it } from 'vitest';
import type { LauncherEvent } from './events.js';
import { COLORED, PLAIN, choosePaint } from './paint.js';
import { jsonScreen, textScreen } from './screen.js';
import { textLines } from './text.js';

const time = Date.UTC(2026, 0, 2, 3, 4, 5);
const addresses = {
  api: 'http://127.0.0.1:7400',
  temporal: '127.0.0.1:7233',
  temporalUi: 'http://127.0.0.1:8233',
  venue: {
    rest: 'http://127.0.0.1:7410',
    stream: 'ws://127.0.0.1:7410/ws',
    wsApi: 'ws://127.0.0.1:7410/ws-api/v3',
    admin: 'http://127.0.0.1:7411',
  },
  metrics: { trading: 'http://127.0.0.1:7421/metrics', guardian: 'http://127.0.0.1:7420/metrics' },
};

/** One of each, with what its text has to say. */
const CASES: readonly (readonly [LauncherEvent, readonly (string | RegExp)[]])[] = [
  [{ time, event: 'step', step: 'postgres', state: 'done', message: 'Postgres answers', elapsedMs: 540 }, ['✓ Postgres answers (0.5 s)']],
  [
    {
      time,
      event: 'ready',
      addresses,
      home: '/tmp/home',
      modes: { main: 'paused', desk: 'killed' },
      halts: [
        { account: 'desk', what: 'account desk', by: 'rik', reason: 'a spread', isSold: false },
        { account: 'main', what: 'strategy momentum', by: 'tess', reason: 'odd fills', isSold: true },
      ],
      instruments: [
        { instrument: 'SPX/USDT', source: 'recorded' },
        { instrument: 'BTC/USDT', source: 'simulated' },
      ],
      people: [
        { person: 'owner', roles: ['admin'] },
        { person: 'tess', roles: ['trader'] },
        { person: 'rik', roles: ['risk'] },
      ],
      elapsedMs: 12_345,
    },
    [
      'ready after 12 s',
      'http://127.0.0.1:7400',
      'http://127.0.0.1:8233',
      'http://127.0.0.1:7410',
      'http://127.0.0.1:7411 to try things by hand: deposits, trades of others, faults (docs/reference/paper-venue.md)',
      'http://127.0.0.1:7421/metrics trading',
      'main: paused (no entries',
      'desk: killed (a halt latch stands',
      'desk: account desk halted by rik: a spread (what is held stays with its stops)',
      'main: strategy momentum halted by tess: odd fills (what is held is sold)',
      '`npx keelson halts` tells how far it is',
      'SPX/USDT (recorded), BTC/USDT (simulated)',
      'owner (admin), tess (trader), rik (risk)',
      '`npx keelson resume --as tess` acts as tess, `npx keelson pause --as rik` acts as rik; without --as you are owner.',
      '/tmp/home',
    ],
  ],
  [{ time, event: 'running', home: '/tmp/home', pid: 7, addresses }, ['already runs from /tmp/home (process 7)', addresses.api]],
  [{ time, event: 'running', home: '/tmp/home', pid: 7 }, ['still starting']],
  [
    {
      time,
      event: 'signal',
      account: 'main',
      strategy: 'momentum',
      instrument: 'SPX/USDT',
      leg: 'open',
      traded: true,
      reasons: ['trend up'],
      score: '0.61234567',
      threshold: '0.55',
    },
    ['signal  open SPX/USDT momentum  traded  score 0.612 / 0.55  trend up'],
  ],
  [
    {
      time,
      event: 'signal',
      account: 'main',
      strategy: 'momentum',
      instrument: 'SPX/USDT',
      leg: 'open',
      traded: false,
      reasons: ['Entries wait for a price.', 'the stream is stale'],
    },
    ['not traded  Entries wait for a price. · the stream is stale'],
  ],
  [
    {
      time,
      event: 'order',
      account: 'main',
      status: 'accepted',
      clientOrderId: 'k-1',
      reasons: [],
      instrument: 'SPX/USDT',
      side: 'buy',
      quantity: '1.5',
      price: '1390.10',
    },
    ['order   accepted buy 1.5 SPX/USDT at 1390.10  k-1'],
  ],
  [
    { time, event: 'order', account: 'main', status: 'denied', clientOrderId: 'k-2', reasons: ['Mode is paused.', 'No price.'] },
    ['denied', 'Mode is paused. · No price.'],
  ],
  [
    {
      time,
      event: 'fill',
      account: 'main',
      instrument: 'SPX/USDT',
      side: 'buy',
      quantity: '1.5',
      price: '1390.10',
      fee: '2.08',
      feeAsset: 'USDT',
    },
    ['fill    bought 1.5 SPX/USDT at 1390.10, fee 2.08 USDT'],
  ],
  [
    { time, event: 'equity', account: 'main', equity: '100012.50', quote: 'USDT', change: '12.50' },
    ['equity  100012.50 USDT (+12.50 since the start, with what was paid in and out)'],
  ],
  [
    { time, event: 'equity', account: 'main', equity: '99.1', change: '-0.9' },
    ['equity  99.10 (-0.90 since the start, with what was paid in and out)'],
  ],
  [
    { time, event: 'mode', account: 'main', mode: 'reduceOnly', from: 'normal', reason: 'drawdown', by: 'guardian' },
    ['mode    main normal → reduceOnly by guardian: drawdown (no entries'],
  ],
  [{ time, event: 'mode', account: 'main', mode: 'killed' }, ['a halt latch stands']],
  [{ time, event: 'notice', kind: 'bars.gap', message: 'SPX/USDT: bars are missing' }, ['notice  SPX/USDT: bars are missing']],
  [
    { time, event: 'restart', child: 'trading', reason: 'killed by SIGKILL', afterMs: 250, count: 1 },
    ['restart trading ended (killed by SIGKILL); started again in 250 ms, restart 1'],
  ],
  [{ time, event: 'error', code: 'INFRA_CHILD_FAILED', message: 'trading ended.' }, ['✗ INFRA_CHILD_FAILED  trading ended.']],
  [{ time, event: 'stopped', reason: 'Ctrl-C', exitCode: 0, elapsedMs: 2100 }, ['Keelson has stopped (Ctrl-C) after 2.1 s.']],
];

const written = (): { readonly text: () => string; write(text: string): void } => {
  const pieces: string[] = [];
  return { text: () => pieces.join(''), write: (text) => void pieces.push(text) };
};

describe('each event', () => {
  it.each(CASES)('%o as text', (event, expected) => {
    const text = textLines(event, PLAIN).join('\n');
    for (const part of expected) expect(text).toContain(part);
    expect(text).not.toContain('\u001b');
    expect(text).not.toContain('undefined');
  });

  it.each(CASES)('%o as one line of JSON with time and event first', (event) => {
    const output = written();
    jsonScreen(output).show(event);
    expect(output.text()).toMatch(/^\{"time":\d+,"event":"\w+".*\}\n$/);
    expect(JSON.parse(output.text())).toEqual(event);
  });

  it('says the same in color', () => {
    for (const [event] of CASES) {
      const colored = textLines(event, COLORED).join('\n');
      expect(colored.replace(/\u001b\[\d+m/g, '')).toBe(textLines(event, PLAIN).join('\n'));
    }
  });
});

describe('colors', () => {
  it('are shown on a terminal only, and never against NO_COLOR', () => {
    expect(choosePaint(true, {})).toBe(COLORED);
    expect(choosePaint(false, {})).toBe(PLAIN);
    expect(choosePaint(true, { NO_COLOR: '1' })).toBe(PLAIN);
    expect(choosePaint(true, { TERM: 'dumb' })).toBe(PLAIN);
  });
});

describe('text from elsewhere', () => {
  it('cannot move the cursor, and breaks lines in errors only', () => {
    const output = written();
    const screen = textScreen(output, {});
    screen.show({ time, event: 'notice', kind: 'incident.opened', message: 'a\u001b[2Jb\nc' });
    screen.show({ time, event: 'error', code: 'CONFIG_INVALID', message: 'two:\n  problems\u0007' });
    expect(output.text().split('\n').slice(0, -1)).toEqual([
      expect.stringContaining('a\ufffd[2Jb\ufffdc'),
      '✗ CONFIG_INVALID  two:',
      '  problems\ufffd',
    ]);
  });
});

describe('steps', () => {
  const step = (state: 'started' | 'progress' | 'done', at: number, message: string): LauncherEvent => ({
    time: at,
    event: 'step',
    step: 'temporal',
    state,
    message,
    elapsedMs: at,
  });

  it('are written over on a terminal', () => {
    const output = { ...written(), isTTY: true, columns: 60 };
    const screen = textScreen(output, { NO_COLOR: '1' });
    screen.show(step('started', 0, 'Temporal'));
    screen.show(step('progress', 100, 'x'.repeat(200)));
    screen.show(step('done', 200, 'Temporal answers'));
    const lines = output.text().split('\r\u001b[2K').slice(1);
    expect(lines).toHaveLength(3);
    expect(lines[1]?.length).toBeLessThanOrEqual(60);
    expect(lines[2]).toBe('✓ Temporal answers (0.2 s)\n');
  });

  it('are plain lines elsewhere, and long ones speak every five seconds', () => {
    const output = written();
    const screen = textScreen(output, {});
    screen.show(step('started', 0, 'Building'));
    for (let at = 1000; at <= 12_000; at += 1000) screen.show(step('progress', at, `Building ${at}`));
    screen.show(step('done', 12_500, 'Built'));
    expect(output.text()).toBe('  Building …\n  Building 5000 … (5.0 s)\n  Building 10000 … (10 s)\n✓ Built (13 s)\n');
  });
});
