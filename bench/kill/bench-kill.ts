import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { quantile } from '../hot-path/figures.js';
import { now } from '../hot-path/stamps.js';
import { OwnServers } from '../servers.js';
import { PRICE, type Lane } from './lane.js';
import { openReceivers, type Receivers } from './receivers.js';
import { until } from './until.js';
import { EVERYTHING, KillWorld } from './world.js';

const ACCOUNTS = ['one', 'two'];
/** Of what was the peak: the account holds as much of the coin as of money. */
const FALLEN = PRICE * 0.6;
const HELD_NOTIONAL = 5_000;

export interface KillSize {
  /** Breaches, and then halts, of each account. */
  readonly rounds: number;
  /** Entries that rest in each account when it is halted. */
  readonly orders: number;
}

/** What was measured, ms; each list has a value for every account in every round. */
class Measured {
  private readonly lists = new Map<string, number[]>();

  add(name: string, ms: number): void {
    this.lists.set(name, [...(this.lists.get(name) ?? []), ms]);
  }

  figures(): Record<string, number> {
    return Object.fromEntries(
      [...this.lists].flatMap(([name, values]) => [
        [`${name}.p50Ms`, quantile(values, 0.5)],
        [`${name}.p99Ms`, quantile(values, 0.99)],
        [`${name}.n`, values.length],
      ]),
    );
  }
}

/** Breaches that the account watch sees, then halts by hand, one round after the other, in all accounts at once. */
export async function benchKill({ rounds, orders }: KillSize): Promise<Record<string, number>> {
  const folder = await mkdtemp(join(tmpdir(), 'keelson-bench-kill-'));
  // As root Postgres runs under another account, which has to get to its data.
  await chmod(folder, 0o711);
  const receivers = await openReceivers();
  // When a row was committed is asked of the database: no clock of another process is compared with it.
  const servers = await OwnServers.open(folder, { track_commit_timestamp: 'on' });
  try {
    const world = await KillWorld.open({
      ...{ servers, folder: join(folder, 'world'), name: 'bench_kill', accounts: ACCOUNTS },
      env: { KEELSON_ALERT_WEBHOOK_URL: receivers.url, KEELSON_TELEGRAM_TOKEN: 'bench' },
      alerts: { telegram: { chats: ['-1'], apiRoot: receivers.hungUrl } },
    });
    try {
      const measured = new Measured();
      for (let round = 0; round < rounds; round += 1) await breach(world, receivers, measured);
      for (let round = 0; round < rounds; round += 1) await halt(world, orders, measured);
      return { ...measured.figures(), 'kill.orders': orders * ACCOUNTS.length, 'alerts.hung': receivers.hung };
    } finally {
      await world.close();
    }
  } finally {
    await servers.close();
    await receivers.close();
    await rm(folder, { recursive: true, force: true });
  }
}

/** The price falls, the watch sees it in a sample, latches and tells; then all is as before. */
async function breach(world: KillWorld, receivers: Receivers, measured: Measured): Promise<void> {
  await Promise.all(world.lanes.map((lane) => breachOf(lane, world, receivers, measured)));
  await world.release();
  for (const { account } of world.lanes)
    await until(`the watch of ${account} has forgotten its halt`, () => world.one('account_watch', account, 'latch_id is null'));
}

async function breachOf(lane: Lane, world: KillWorld, receivers: Receivers, measured: Measured): Promise<void> {
  const { account } = lane;
  const { rows: told } = await world.pool.query<{ last: string }>('select coalesce(max(alert_id), 0) as last from alerts');
  lane.price = FALLEN;
  const alert = await until(`the watch of ${account} tells of its breach`, () =>
    world.one<{ alert_id: string; alert_key: string }>('alerts', account, `kind = 'watch.drawdownLimit' and alert_id > ${told[0]?.last}`),
  );
  // By the database's clock, as the commit: when the inputs of the sample were read that found it.
  const sampledAt = Number(alert.alert_key.split(':').at(-1));
  const { rows: latched } = await world.pool.query<{ at: number }>(
    `select extract(epoch from pg_xact_commit_timestamp(l.xmin))::float8 * 1000 as at
     from latches l join account_watch w using (latch_id) where w.account = $1`,
    [account],
  );
  const latchedAt = latched[0]?.at ?? Number.NaN;
  const answeredAt = await until(`somebody is told of the breach of ${account}`, () => receivers.answered.get(alert.alert_id));
  measured.add('breach.latch', latchedAt - sampledAt);
  measured.add('breach.alert', answeredAt - sampledAt);
  lane.price = PRICE;
  await until(`${account} is worth what it was`, () => world.one('account_watch', account, 'drawdown_ratio < 0.01'));
}

/** Something is held, many orders rest, and everything is halted by hand; then all is as before. */
async function halt(world: KillWorld, orders: number, measured: Measured): Promise<void> {
  await Promise.all(
    world.lanes.map(async (lane) => {
      await world.trader.hold(lane, HELD_NOTIONAL);
      await world.trader.rest(lane, orders);
    }),
  );
  const calledAt = now();
  const halted = world.halts.latch(EVERYTHING, { subject: 'bench', underKey: null, reason: 'a benchmark', policy: 'atOnce' });
  await Promise.all(
    world.lanes.map(async (lane) => {
      await until(`all is canceled in ${lane.account}`, () => lane.working === 0);
      measured.add('kill.canceled', now() - calledAt);
      const { at } = await until(`${lane.account} is verified flat`, async () => world.verified(lane.account, calledAt));
      measured.add('kill.flat', at - calledAt);
    }),
  );
  await halted;
  await world.release();
}
