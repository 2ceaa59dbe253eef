import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer, type AddressInfo, type Server, connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { randomUUID } from 'node:crypto';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { rootFolder } from '../../config/index.js';
import { parseJsonc } from '../../config/jsonc.js';
import { createOrderActivities } from '../../activities/order/index.js';
import type { Latch } from '../../core/control/mode.js';
import { decimal, type DecimalText } from '../../core/money/index.js';
import { intentIdOf } from '../../core/signal/signal.js';
import { TEST_KEY, TEST_SECRET } from '../../exchange/testing/open-venue.js';
import { seedPerson } from '../../test/support/people.js';
import { ACCOUNT, INSTRUMENT, LIMITS, openTradingStack, type TradingStack } from '../../test/support/trading-stack.js';
import { disagreements } from '../../test/support/witness.js';
import { EXIT } from '../exit.js';
import type { Terminal } from '../terminal.js';
import { killWithoutTemporal } from './direct.js';

const d = (text: string): DecimalText => text as DecimalText;
const SCOPE: Latch = { scope: 'account', scopeValue: ACCOUNT };
const LIMIT = { timeout: 30_000, interval: 20 };

interface Door {
  readonly url: string;
  open(): void;
  close(): Promise<void>;
}

/** Postgres behind an address of its own, which answers only while it is told to. */
async function behindADoor(url: string): Promise<Door> {
  let isOpen = false;
  const target = new URL(url);
  const server: Server = createServer((socket) => {
    if (!isOpen) {
      socket.destroy();
      return;
    }
    const onward = connect(Number(target.port), target.hostname);
    for (const one of [socket, onward]) one.on('error', () => [socket, onward].forEach((each) => each.destroy()));
    socket.pipe(onward).pipe(socket);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const door = new URL(url);
  door.port = String((server.address() as AddressInfo).port);
  return {
    url: door.href,
    open: () => void (isOpen = true),
    close: () => new Promise((resolve) => server.close(() => resolve())),
  };
}

describe('keelson kill --direct, on a real ledger and paper venue, without Temporal', () => {
  let stack: TradingStack;
  let home: string;
  let said: string;
  let bar = 0;
  const doors: Door[] = [];
  /** What a failed test has left running ends with it. */
  let stopping = new AbortController();

  beforeAll(async () => {
    stack = await openTradingStack();
    home = await mkdtemp(join(tmpdir(), 'keelson-test-home-'));
    await seedPerson(stack.database.pool, 'owner', ['admin'], 'key-of-owner');
    await writeFile(join(home, 'owner-key'), 'key-of-owner\n', { mode: 0o600 });
    const base = parseJsonc(await readFile(join(rootFolder(), 'keelson.config.json'), 'utf8')) as Record<string, unknown>;
    const config = {
      ...base,
      $schema: undefined,
      accounts: { [ACCOUNT]: { venue: 'paper', allowLiveTrading: false } },
      strategies: [],
      limits: { [ACCOUNT]: Object.fromEntries(Object.entries(LIMITS).filter(([name]) => name !== 'priceMaxAgeMs')) },
    };
    await writeFile(join(home, 'config.json'), JSON.stringify(config));
  });
  afterEach(async () => {
    stopping.abort();
    stopping = new AbortController();
    for (const door of doors.splice(0)) await door.close();
    await stack.database.pool.query('update latches set released_at = clock_timestamp() where released_at is null');
  });
  afterAll(async () => {
    await rm(home, { recursive: true, force: true });
    await stack?.close();
  });

  const terminal = (databaseUrl: string): Terminal => {
    said = '';
    const { rest, stream, wsApi } = stack.addresses;
    return {
      env: {
        KEELSON_HOME: home,
        KEELSON_CONFIG: join(home, 'config.json'),
        DATABASE_URL: databaseUrl,
        KEELSON_PAPER_REST: rest,
        KEELSON_PAPER_STREAM: stream,
        KEELSON_PAPER_WSAPI: wsApi,
        EXCHANGE_API_KEY: TEST_KEY,
        EXCHANGE_API_SECRET: TEST_SECRET,
      },
      root: home,
      now: Date.now,
      newId: randomUUID,
      out: () => undefined,
      error: (text) => void (said += text),
    };
  };
  const buy = async (): Promise<void> => {
    stack.market.seePrice(ACCOUNT, INSTRUMENT, d('50000'), Date.now());
    stack.market.seeClock(ACCOUNT, await stack.venue.reader.clock());
    const steps = createOrderActivities(stack.dependencies);
    const signal = stack.signal('open', (bar += 1_000));
    expect(await steps.authorise(signal)).toMatchObject({ kind: 'authorised' });
    expect(await steps.record(intentIdOf(signal), await steps.submit(intentIdOf(signal), ACCOUNT))).toMatchObject({ status: 'filled' });
  };
  /** An order that nobody of ours has made. */
  const placeForeign = async (): Promise<void> => {
    const placed = await stack.venue.sender.submit(
      {
        clientOrderId: randomUUID().replaceAll('-', ''),
        instrument: INSTRUMENT,
        side: 'buy',
        type: 'limit',
        postOnly: false,
        timeInForce: 'GTC',
        quantity: d('0.001'),
        price: d('40000'),
        signedTimestamp: Date.now(),
        receiveWindowMs: 2_000,
      },
      10_000,
    );
    expect(placed).toMatchObject({ kind: 'accepted' });
  };
  const openAtVenue = async (): Promise<number> => (await stack.venue.haltReader.openOrders()).length;
  const withADoor = async (): Promise<Door> => {
    const door = await behindADoor(stack.database.url);
    doors.push(door);
    return door;
  };
  const run = (url: string, policy: 'none' | 'atOnce' = 'atOnce') =>
    killWithoutTemporal(terminal(url), { scope: SCOPE, cause: { policy, reason: 'a test' }, isDrill: false }, stopping.signal);

  it('latches under the name of the key, cancels, sells, verifies, and leaves a file', async () => {
    await buy();
    await placeForeign();
    const ended = await run(stack.database.url);
    expect(ended.exitCode).toBe(EXIT.done);
    expect(ended.text).toContain('VERIFIED');
    expect(await openAtVenue()).toBe(0);
    expect(
      decimal(stack.witness().balances.get('BTC') ?? '0')
        .minus(2)
        .toNumber(),
    ).toBeLessThan(0.00002);
    const { rows } = await stack.database.pool.query(
      `select subject, key_id is not null as has_key, policy from latches where released_at is null`,
    );
    expect(rows).toEqual([{ subject: 'owner', has_key: true, policy: 'atOnce' }]);
    const [name] = await readdir(join(home, 'evidence'));
    expect(JSON.parse(await readFile(join(home, 'evidence', name ?? ''), 'utf8'))).toMatchObject({ finding: { unverified: [] } });
    // What is foreign stays so in our books: nothing of it was invented.
    const foreign = (await disagreements(stack.database.pool, ACCOUNT, stack.witness())).filter((one) => !one.startsWith('orphaned'));
    expect(foreign).toEqual([]);
  });

  it('without the database it cancels what appears, says UNLATCHED, and ends only when the halt is written', async () => {
    await buy();
    const door = await withADoor();
    await placeForeign();
    let isOver = false;
    const ending = run(door.url).finally(() => void (isOver = true));
    await vi.waitFor(async () => expect(await openAtVenue()).toBe(0), LIMIT);
    await placeForeign();
    await vi.waitFor(async () => expect(await openAtVenue()).toBe(0), LIMIT);
    await vi.waitFor(() => expect(said).toContain('UNLATCHED'), LIMIT);
    expect(isOver).toBe(false);
    door.open();
    expect((await ending).exitCode).toBe(EXIT.done);
    expect(said).toContain('HALTED');
  });

  it('interrupted before the halt is written it has an exit code of its own', async () => {
    const door = await withADoor();
    const ending = run(door.url);
    await vi.waitFor(() => expect(said).toContain('UNLATCHED'), LIMIT);
    stopping.abort();
    const ended = await ending;
    expect([ended.exitCode, ended.text]).toEqual([EXIT.unlatched, expect.stringContaining('UNLATCHED')]);
    const { rows } = await stack.database.pool.query('select from latches where released_at is null');
    expect(rows).toEqual([]);
  });

  it('P27: two at once sell nothing twice', async () => {
    await buy();
    const { signal } = stopping;
    const [one, other] = [terminal(stack.database.url), terminal(stack.database.url)].map((each) =>
      killWithoutTemporal(each, { scope: SCOPE, cause: { policy: 'atOnce', reason: 'a test' }, isDrill: true }, signal),
    );
    expect([(await one)?.exitCode, (await other)?.exitCode]).toEqual([EXIT.done, EXIT.done]);
    expect(decimal(stack.witness().balances.get('BTC') ?? '0').toNumber()).toBeGreaterThanOrEqual(2);
  });
});
