import { mkdtemp, rm } from 'node:fs/promises';
import { randomUUID } from 'node:crypto';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { EvidenceFile } from '../../activities/ports/kill.js';
import { createOrderActivities } from '../../activities/order/index.js';
import { loadConfig, rootFolder } from '../../config/index.js';
import { decimal } from '../../core/money/index.js';
import { intentIdOf } from '../../core/signal/signal.js';
import { apiUnderTest, KEYS, seedPeople, type ApiUnderTest } from '../../test/support/api.js';
import { readHaltEvidence } from '../../test/support/halt-evidence.js';
import { eventually } from '../../test/support/eventually.js';
import { temporalIfAny } from '../../test/support/temporal.js';
import { ACCOUNT, openTradingStack, startWorker, type StackWorker, type TradingStack } from '../../test/support/trading-stack.js';
import { disagreements } from '../../test/support/witness.js';
import { EXIT } from '../exit.js';
import { runCommandLine } from '../program.js';

const LIMIT_MS = 60_000;
const MOST_SIGNALS = 20;
const temporal = await temporalIfAny();

describe.skipIf(temporal === undefined)('keelson kill --drill, by command line, API, workflow, ledger and paper venue', () => {
  let stack: TradingStack;
  let worker: StackWorker;
  let api: ApiUnderTest;
  let home: string;

  beforeAll(async () => {
    home = await mkdtemp(join(tmpdir(), 'keelson-drill-'));
    stack = await openTradingStack();
    await seedPeople(stack.database.pool);
    if (temporal !== undefined) worker = await startWorker(stack, temporal);
    const shipped = loadConfig({ path: join(rootFolder(), 'keelson.config.json'), env: {} });
    const { main } = shipped.accounts;
    if (main === undefined) throw new Error('the configuration as shipped has main');
    api = apiUnderTest(stack.database, { config: { ...shipped, accounts: { [ACCOUNT]: main } } });
  }, 4 * LIMIT_MS);
  afterAll(async () => {
    await api?.close();
    await worker?.stop();
    await stack?.close();
    await rm(home, { recursive: true, force: true });
  });

  /** On a busy machine an order may come too late for its window, and is refused by the venue: then another signal buys. */
  const buy = async (): Promise<void> => {
    const steps = createOrderActivities(stack.dependencies);
    for (let bar = 1; bar <= MOST_SIGNALS; bar += 1) {
      const signal = stack.signal('open', bar * 1_000);
      expect(await steps.authorise(signal)).toMatchObject({ kind: 'authorised' });
      await steps.record(intentIdOf(signal), await steps.submit(intentIdOf(signal), ACCOUNT));
      // What is unknown is looked up by the account's stream.
      const ended = await eventually(async () => {
        const order = await stack.dependencies.store.order(intentIdOf(signal));
        expect(order?.isFinal).toBe(true);
        return order;
      }, LIMIT_MS);
      if (ended?.status === 'filled') return;
    }
    throw new Error('nothing could be bought');
  };

  it('sells what is held, and ends when the account is flat at the venue', { timeout: 4 * LIMIT_MS }, async () => {
    await buy();
    await eventually(async () => {
      const { rows } = await stack.pool.query(`select from orders where account = $1 and purpose = 'stop' and status = 'accepted'`, [
        ACCOUNT,
      ]);
      expect(rows).toHaveLength(1);
    }, LIMIT_MS);
    let [out, error] = ['', ''];
    const exitCode = await runCommandLine(['kill', '--drill', '--account', ACCOUNT, '--reason', 'practice'], {
      env: {
        KEELSON_HOME: home,
        KEELSON_API_URL: await api.server.listen({ host: '127.0.0.1', port: 0 }),
        KEELSON_API_KEY: KEYS.operator,
      },
      root: rootFolder(),
      now: Date.now,
      newId: randomUUID,
      out: (text) => void (out += text),
      error: (text) => void (error += text),
    });
    expect([exitCode, out, error]).toEqual([
      EXIT.done,
      expect.stringContaining('VERIFIED after'),
      expect.stringContaining('what is held is sold'),
    ]);
    const witness = stack.witness();
    const held = decimal(witness.balances.get('BTC') ?? '0').minus(2);
    expect([held.gte(0), held.lt('0.00002')]).toEqual([true, true]);
    expect(await stack.venue.haltReader.openOrders()).toEqual([]);
    expect(await disagreements(stack.database.pool, ACCOUNT, witness)).toEqual([]);
    // It stays latched, as a real one does, under the name of who practised.
    const { rows } = await stack.pool.query(`select subject, reason, policy from latches where released_at is null`);
    expect(rows).toEqual([{ subject: 'operator', reason: 'drill: practice', policy: 'atOnce' }]);
    // It leaves what a real one leaves: an incident, and the file that this names.
    const incidents = await eventually(async () => {
      const opened = await stack.pool.query<{ evidence: EvidenceFile }>(
        `select data->'evidence' as evidence from incidents where account = $1 and kind = 'halt' and closed_at is null`,
        [ACCOUNT],
      );
      expect(opened.rows).toHaveLength(1);
      return opened.rows;
    }, LIMIT_MS);
    const [{ evidence } = { evidence: { path: '', sha256: '' } }] = incidents;
    const { wrong, sales } = await readHaltEvidence(evidence);
    expect(wrong).toEqual([]);
    expect(sales.map(({ sides }) => sides)).toEqual([['sell']]);
  });
});
