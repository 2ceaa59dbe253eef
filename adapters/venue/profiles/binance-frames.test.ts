import { expect, it } from 'vitest';
import { frameOf } from './binance-frames.js';

const REPORT = {
  ...{ e: 'executionReport', E: 1_700_000_000_500, s: 'BTCUSDT', c: 'kel-1', C: '', S: 'SELL', o: 'STOP_LOSS_LIMIT', i: 28 },
  ...{ q: '1', p: '97.5', z: '0', x: 'CANCELED', X: 'CANCELED', T: 1_700_000_000_400, O: 1_700_000_000_123 },
};

/** https://developers.binance.com/docs/binance-spot-api-docs/user-data-stream: `W` is told only where the order has been on the book. */
it.each<readonly [string, object, boolean]>([
  ['that waits', { X: 'NEW', w: false }, false],
  ['that works', { X: 'NEW', w: true, W: 1_700_000_000_300 }, true],
  ['that was canceled while it waited', { w: false }, false],
  ['… as others say that', { w: false, W: -1 }, false],
  ['that was canceled after it had woken', { w: false, W: 1_700_000_000_300 }, true],
  ['that has sold', { X: 'FILLED', w: false, W: 1_700_000_000_300 }, true],
])('a stop %s', (_, more, isTriggered) => {
  expect(frameOf({ ...REPORT, ...more }, (symbol) => symbol)).toMatchObject({ kind: 'order', order: { isTriggered } });
});
