import { describe, expect, it } from 'vitest';
import { bar, barStream, missing, range, unavailable } from '../../test/support/bar-stream.js';
import { eventually } from '../../test/support/eventually.js';

describe('streamBars', () => {
  it('warms up by REST without a signal, then decides at each close and stores each bar once', async () => {
    const feed = barStream();
    const running = feed.run();
    await feed.ready();
    expect(feed.signals).toEqual([]);
    await feed.close(10);
    await feed.close(11);
    await feed.close(11);
    await feed.end(running);
    expect(feed.windows).toEqual([
      [6, 7, 8, 9, 10],
      [7, 8, 9, 10, 11],
    ]);
    expect([...feed.stored].filter(([index]) => index >= 9)).toEqual([
      [9, 'rest'],
      [10, 'stream'],
      [11, 'stream'],
    ]);
    expect(feed.market.view('main', 'BTC/USDT').price?.price).toBe('111');
    expect(feed.audit).toEqual([]);
  });

  it('P1: a bar that closed right before the warm-up is decided on while its signal is valid, and sent as the same signal', async () => {
    const feed = barStream(['one', 'two']);
    feed.advance(-700);
    feed.remember(range(4, 8).map(bar));
    const running = feed.run();
    await feed.ready();
    await feed.turns();
    expect(feed.signals.map(({ strategy, barCloseTime }) => [strategy, barCloseTime])).toEqual([
      ['one', 9_999],
      ['two', 9_999],
    ]);
    // The stream tells it too.
    await feed.close(9);
    await feed.close(10);
    await feed.end(running);
    expect(feed.windows.slice(0, 2)).toEqual([range(5, 9), range(5, 9)]);
    expect(feed.signals.map(({ barCloseTime }) => barCloseTime)).toEqual([9_999, 9_999, 10_999, 10_999]);
  });

  it.each([
    ['ahead of', 3],
    ['behind', -3],
    ['an hour ahead of', 3_600],
  ])('a clock of ours that is %s the venue’s changes nothing of the window, nor of what is decided on', async (_, aheadSeconds) => {
    const feed = barStream(['momentum'], 10, -aheadSeconds * 1_000);
    const running = feed.run();
    await feed.ready();
    expect(feed.signals).toEqual([]);
    await feed.close(10);
    await feed.end(running);
    expect(feed.windows).toEqual([range(6, 10)]);
    expect(feed.signals).toMatchObject([{ barCloseTime: 10_999, decidedTime: 11_000 }]);
    expect(feed.requests[0]).toBe(4);
    expect(feed.market.view('main', 'BTC/USDT').price?.ageMs).toBe(0);
  });

  it.each([
    ['a bar that closed before the first frame of its stream', false],
    ['a bar that closed while the stream was lost', true],
  ])('%s is decided on while its signal is valid', async (_, isLost) => {
    const feed = barStream();
    const running = feed.run();
    await feed.ready();
    if (isLost) {
      await feed.price();
      feed.lose();
    }
    feed.advance(300);
    expect(feed.signals).toEqual([]);
    await feed.price();
    expect(feed.signals.map(({ barCloseTime }) => barCloseTime)).toEqual([10_999]);
    const { length } = feed.requests;
    await feed.price();
    expect(feed.requests).toHaveLength(length);
    await feed.close(11);
    await feed.end(running);
    expect(feed.windows.at(-1)).toEqual(range(7, 11));
    expect(feed.signals).toHaveLength(2);
    expect(feed.audit).toMatchObject(isLost ? [{ kind: 'bars.gap', data: { from: 10_000, to: 10_000, filled: 1 } }] : []);
  });

  it('so is one that closed before a venue was first asked whose bars tell the first price', async () => {
    const feed = barStream();
    feed.subscribing(() => feed.advance(300));
    const running = feed.run();
    await feed.ready();
    await feed.turns();
    await feed.end(running);
    expect(feed.signals.map(({ barCloseTime }) => barCloseTime)).toEqual([10_999]);
  });

  it('what the store lacks of the window since its newest bar is marked, once', async () => {
    const feed = barStream(['one', 'two']);
    feed.remember(range(1, 6).map(bar));
    const running = feed.run();
    await feed.ready();
    await feed.end(running);
    expect(feed.audit).toEqual([
      { kind: 'bars.gap', account: 'main', data: { instrument: 'BTC/USDT', from: 7_000, to: 9_000, filled: 3 } },
    ]);
    expect([7, 8, 9].map((index) => feed.stored.get(index))).toEqual(['rest', 'rest', 'rest']);
  });

  it('fills a gap by REST, marks it once, and the missed bars cause no signals', async () => {
    const feed = barStream(['one', 'two']);
    const running = feed.run();
    await feed.ready();
    await feed.close(10);
    feed.requests.length = 0;
    await feed.close(13);
    await feed.end(running);
    expect(feed.audit).toEqual([
      { kind: 'bars.gap', account: 'main', data: { instrument: 'BTC/USDT', from: 11_000, to: 12_000, filled: 2 } },
    ]);
    expect(feed.requests).toEqual([11]);
    expect(feed.signals.map(({ strategy, barCloseTime }) => [strategy, barCloseTime])).toEqual([
      ['one', 10_999],
      ['two', 10_999],
      ['one', 13_999],
      ['two', 13_999],
    ]);
    expect(feed.windows.slice(2)).toEqual([
      [9, 10, 11, 12, 13],
      [9, 10, 11, 12, 13],
    ]);
    expect([feed.stored.get(11), feed.stored.get(12), feed.stored.get(13)]).toEqual(['rest', 'rest', 'stream']);
  });

  it('bars that closed between the warm-up and the first frame are filled without a word; a gap after it is told', async () => {
    const feed = barStream();
    const running = feed.run();
    await feed.ready();
    await feed.close(12);
    expect(feed.windows.at(-1)).toEqual([8, 9, 10, 11, 12]);
    expect(feed.audit).toEqual([]);
    await feed.close(15);
    await feed.end(running);
    expect(feed.audit).toMatchObject([{ kind: 'bars.gap' }]);
  });

  it('a hole of more than one request’s bars is filled whole', async () => {
    const feed = barStream();
    const running = feed.run();
    await feed.ready();
    await feed.close(10);
    await feed.close(1_300);
    await feed.end(running);
    expect(feed.windows.at(-1)).toEqual([1_296, 1_297, 1_298, 1_299, 1_300]);
    expect(Array.from({ length: 1_300 }, (_, index) => index).filter((index) => index > 4 && !feed.stored.has(index))).toEqual([]);
    expect(feed.audit).toMatchObject([{ data: { filled: 1_289 } }]);
  });

  it('a hole of more requests than the venue answers in a row is filled by going on where it failed', async () => {
    const feed = barStream();
    const running = feed.run();
    await feed.ready();
    await feed.close(10);
    feed.requests.length = 0;
    feed.failEach(3);
    for (const index of [2_300, 2_301, 2_302]) await feed.close(index);
    await feed.end(running);
    // Two pages, then none; two more, then none; the last.
    expect(feed.requests).toEqual([11, 511, 1_011, 1_011, 1_511, 2_011, 2_011]);
    expect(feed.windows.at(-1)).toEqual([2_298, 2_299, 2_300, 2_301, 2_302]);
    expect(Array.from({ length: 2_302 }, (_, index) => index).filter((index) => index > 4 && !feed.stored.has(index))).toEqual([]);
    expect(feed.audit).toMatchObject([{ data: { from: 11_000, to: 2_301_000, filled: 2_291 } }]);
  });

  it('what closed while nobody listened is stored and marked, once, also where no strategy needs it', async () => {
    const feed = barStream(['one', 'two'], 1_300);
    feed.remember([bar(1), bar(2)]);
    const running = feed.run();
    await feed.ready();
    await feed.close(1_300);
    await eventually(() => expect(missing(feed, 3, 1_299)).toEqual([]));
    await feed.end(running);
    expect(feed.stored.get(3)).toBe('rest');
    expect(feed.audit).toEqual([
      { kind: 'bars.gap', account: 'main', data: { instrument: 'BTC/USDT', from: 1_294_000, to: 1_299_000, filled: 6 } },
      { kind: 'bars.gap', account: 'main', data: { instrument: 'BTC/USDT', from: 3_000, to: 1_293_000, missing: 1_291 } },
    ]);
    expect(feed.windows.at(-1)).toEqual([1_296, 1_297, 1_298, 1_299, 1_300]);
  });

  it('a venue that cannot be asked then is asked again with the next bar', async () => {
    const feed = barStream(['one'], 100);
    feed.remember([bar(2)]);
    const running = feed.run();
    await feed.ready();
    feed.fail(unavailable);
    await feed.close(100);
    feed.fail(undefined);
    expect(feed.stored.has(3)).toBe(false);
    await feed.close(101);
    await eventually(() => expect([feed.stored.get(3), feed.stored.get(93)]).toEqual(['rest', 'rest']));
    await feed.end(running);
    // The window's, and what lies before it.
    expect(feed.audit).toHaveLength(2);
  });

  it('a page is stored as it comes: a feed that ends in the middle of a hole leaves the rest only', async () => {
    const feed = barStream(['one'], 1_300);
    feed.remember([bar(1), bar(2)]);
    const running = feed.run();
    await feed.ready();
    // One for the window, one for the first page.
    feed.failEach(3);
    await feed.close(1_300);
    await eventually(() => expect(feed.warnings).toEqual([expect.stringContaining('past bars of BTC/USDT failed')]));
    await feed.end(running);
    expect(missing(feed, 3, 1_293)).toEqual(range(503, 1_293));
    // The window's, and what lies before it.
    expect(feed.audit).toHaveLength(2);
  });

  it('what the venue does not have is noted, and asked for no more', async () => {
    const feed = barStream(['one'], 100);
    feed.remember([...range(1, 20), ...range(80, 90)].map(bar));
    feed.show((index) => (index < 30 || index > 40) && (index < 70 || index > 79));
    const running = feed.run();
    await feed.ready();
    await feed.close(100);
    const noted = [
      [30, 40],
      [70, 79],
    ];
    await eventually(() => expect(feed.absent).toEqual(noted));
    await feed.close(101);
    await feed.end(running);
    expect(feed.absent).toEqual(noted);
    expect(missing(feed, 21, 79)).toEqual([...range(30, 40), ...range(70, 79)]);
  });

  it('a venue that shows nothing at all says nothing of what it has: the next feed asks', async () => {
    const feed = barStream(['one'], 100);
    feed.remember(range(1, 20).map(bar));
    const running = feed.run();
    await feed.ready();
    feed.show(() => false);
    await feed.close(100);
    await eventually(() => expect(feed.warnings).toEqual([expect.stringContaining('shows nothing from 21000 on')]));
    const { length } = feed.requests;
    await feed.close(101);
    await feed.end(running);
    expect(feed.absent).toEqual([]);
    expect(feed.requests).toHaveLength(length);
  });

  it('decides nothing while the venue cannot be asked, and everything is made good when it can', async () => {
    const feed = barStream();
    const running = feed.run();
    await feed.ready();
    await feed.close(10);
    feed.fail(unavailable);
    await feed.close(12);
    expect(feed.signals).toHaveLength(1);
    expect(feed.warnings[0]).toMatch(/bar 12000 of BTC\/USDT failed/);
    feed.fail(undefined);
    await feed.close(13);
    await feed.end(running);
    expect(feed.windows.at(-1)).toEqual([9, 10, 11, 12, 13]);
    expect([...feed.stored.keys()].filter((index) => index > 10)).toEqual(expect.arrayContaining([11, 12, 13]));
  });

  it('bars that REST does not show yet are waited for: the window is not thrown away', async () => {
    const feed = barStream();
    const running = feed.run();
    await feed.ready();
    await feed.close(10);
    feed.show((index) => index <= 11);
    await feed.close(13);
    expect(feed.signals).toHaveLength(1);
    expect(feed.audit).toMatchObject([{ kind: 'bars.gap', data: { from: 11_000, to: 12_000, filled: 1, code: 'DATA_GAP' } }]);
    expect(feed.warnings).toEqual([expect.stringMatching(/^a bar is not decided on: BTC\/USDT has no bars from .* entries wait/)]);
    feed.show(() => true);
    await feed.close(14);
    await feed.end(running);
    expect(feed.windows.at(-1)).toEqual([10, 11, 12, 13, 14]);
  });

  it('a hole that the venue itself has begins the window anew', async () => {
    const feed = barStream();
    const running = feed.run();
    await feed.ready();
    await feed.close(10);
    feed.show((index) => index !== 12);
    await feed.close(13);
    await feed.close(14);
    await feed.end(running);
    expect(feed.windows.slice(1)).toEqual([[13, 14]]);
  });

  it('a strategy that fails is told and does not stop the others', async () => {
    const feed = barStream();
    const running = feed.run();
    await feed.ready();
    feed.signals.push = () => {
      throw new Error('the sink broke');
    };
    await feed.close(10);
    await feed.end(running);
    expect(feed.warnings).toEqual(['bar 10000 of BTC/USDT failed: the sink broke']);
    expect(feed.stored.get(10)).toBe('stream');
  });
});
