import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { emailChannel } from '../../adapters/notify/email.js';
import { telegramChannel } from '../../adapters/notify/telegram.js';
import { webhookChannel } from '../../adapters/notify/webhook.js';
import { createAlertStore } from '../../adapters/store/alert-store.js';
import { openHaltStore, type HaltStore } from '../../adapters/store/halt-store.js';
import { createWatchStore } from '../../adapters/store/watch-store.js';
import type { Condition } from '../../core/watch/conditions.js';
import { httpReceiver, mailReceiver, type HttpReceiver, type MailReceiver } from '../../test/support/alert-receivers.js';
import { eventually } from '../../test/support/eventually.js';
import { steadyWatch, type SteadyWatch } from '../../test/support/steady-watch.js';
import { openTradingStack, type TradingStack } from '../../test/support/trading-stack.js';
import { AlertLoop } from '../alerts/alert-loop.js';
import type { WatchStore } from '../ports/watch.js';

const LIMIT_MS = 60_000;
const PRICE = '50000';
const WORTH = '205000';
/** The same condition again and again; each costs three seconds at least. */
const HALTS = 4;

describe('what an account watch finds, told to people', { timeout: 4 * LIMIT_MS }, () => {
  let stack: TradingStack;
  let halts: HaltStore;
  let hook: HttpReceiver;
  let telegram: HttpReceiver;
  let mail: MailReceiver;
  let loop: AlertLoop;
  let watch: SteadyWatch;
  /** Of the sample that has confirmed each alert, epoch ms; a run of samples is counted by the database's clock, which is this machine's. */
  const confirmed = new Map<string, number>();

  /** When the channel that hangs has given an alert up, for the first time. */
  const givenUp = new Map<unknown, number>();
  const gaveUp = ({ channel, alertId }: { readonly channel?: string; readonly alertId?: string }): void => {
    if (channel === 'telegram' && !givenUp.has(alertId)) givenUp.set(alertId, performance.now());
  };

  beforeAll(async () => {
    stack = await openTradingStack();
    halts = openHaltStore(stack.database.url);
    [hook, telegram, mail] = await Promise.all([httpReceiver(), httpReceiver(), mailReceiver()]);
    telegram.answer = 'hang';
    await stack.ledger.stopBeating();
    loop = new AlertLoop({
      store: createAlertStore(stack.pool, stack.database.url),
      channels: [
        telegramChannel({ token: '12345:token', chats: ['-1001'], apiRoot: telegram.url }),
        webhookChannel(`${hook.url}/alerts`),
        emailChannel({ host: '127.0.0.1', port: mail.port, secure: false, from: 'keelson@example.org', to: ['one@example.org'] }),
      ],
      log: { warn: (told) => gaveUp(told) },
    });
    const rows = createWatchStore(stack.pool);
    const store: WatchStore = {
      ...rows,
      async write(sample) {
        for (const { key, condition } of sample.alerts)
          confirmed.set(key, sample.state.runs[condition as Condition]?.countedTime ?? Number.NaN);
        return rows.write(sample);
      },
    };
    watch = steadyWatch(stack, halts, { store });
  });
  afterAll(async () => {
    await watch?.close();
    await loop?.close();
    await Promise.all([hook, telegram, mail].map((receiver) => receiver?.close()));
    await halts?.close();
    await stack?.close();
  });

  const query = async <Row extends object>(text: string, ...values: unknown[]): Promise<Row[]> =>
    (await stack.pool.query<Row>(text, values)).rows;
  const worth = (equity: string): Promise<void> =>
    eventually(async () => {
      const [row] = await query<{ equity: string | null }>('select trim_scale(equity)::text as equity from account_watch');
      expect(row?.equity).toBe(equity);
    }, LIMIT_MS);
  const taken = (condition: Condition): HttpReceiver['received'] =>
    hook.received.filter(({ body }) => body['kind'] === `watch.${condition}`);
  /** @returns how long it took from the sample that confirms the n-th of this kind until its receiver's answer had left, ms */
  const told = async (condition: Condition, count: number): Promise<number> => {
    const last = await eventually(() => {
      const received = taken(condition);
      expect(received).toHaveLength(count);
      return received.at(-1);
    }, LIMIT_MS);
    const at = last?.at ?? Number.NaN;
    const alertId = last?.body['alertId'];
    const { key } = await eventually(async () => {
      const [row] = await query<{ key: string; isHung: boolean }>(
        `select a.alert_key as key, d.attempts > 0 and d.delivered_at is null as "isHung"
           from alert_deliveries d join alerts a using (alert_id) where d.alert_id = $1 and d.channel = 'telegram'`,
        alertId,
      );
      expect(row).toMatchObject({ isHung: true });
      return row as { key: string };
    }, LIMIT_MS);
    // The channel that hangs had not given the same alert up when it was taken here: nobody has waited for that.
    expect(at).toBeLessThan(givenUp.get(alertId) ?? Number.POSITIVE_INFINITY);
    return performance.timeOrigin + at - (confirmed.get(key) ?? Number.NaN);
  };

  it('from the sample that confirms a breach to the receiver’s 2xx, while another channel hangs', async () => {
    const took: Record<'dailyLossLimit' | 'drawdownLimit', number[]> = { dailyLossLimit: [], drawdownLimit: [] };
    await worth(WORTH);
    watch.price = '46800';
    took.dailyLossLimit.push(await told('dailyLossLimit', 1));
    expect(await query('select mode from control')).toEqual([{ mode: 'reduceOnly' }]);
    for (let halt = 1; halt <= HALTS; halt += 1) {
      watch.price = '34000';
      took.drawdownLimit.push(await told('drawdownLimit', halt));
      expect(await query('select 1 from latches where released_at is null')).toHaveLength(1);
      watch.price = PRICE;
      await worth(WORTH);
      await query('update latches set released_at = clock_timestamp() where released_at is null');
      await eventually(async () => expect(await query('select latch_id from account_watch')).toEqual([{ latch_id: null }]), LIMIT_MS);
    }
    for (const [condition, times] of Object.entries(took)) {
      const text = times.map((ms) => ms.toFixed(0)).join(', ');
      process.stdout.write(`${condition}: confirming sample → 2xx, one channel hung, ms: ${text}\n`);
      expect(times.every((ms) => Number.isFinite(ms))).toBe(true);
    }
    // The third channel has waited for neither: what is worse than a warning goes there, too.
    await eventually(() => expect(mail.mails.length).toBeGreaterThan(HALTS), LIMIT_MS);
    expect(telegram.received).toEqual([]);
  });
});
