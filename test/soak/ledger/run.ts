import { setTimeout as wait } from 'node:timers/promises';
import { until } from '../../faults/crash/until.js';
import { Chance } from '../../faults/matrix/chance.js';
import { Person } from '../world/person.js';
import { Trader } from '../world/trader.js';
import { SoakWorld } from '../world/world.js';
import { spoil, spoiled } from './faults.js';
import { compared, judge, startComparing } from './judge.js';
import { tellProgress } from './progress.js';

export interface LedgerSoakOptions {
  /** So many orders at the venues, at least. */
  readonly orders: number;
  readonly accounts: number;
  readonly midnights: number;
  /** The clock is put forward to so long before each: entries wait for a check after that, and go on again before midnight passes when it is long enough. */
  readonly beforeMidnightMs?: number;
  /** Of each role. */
  readonly kills: number;
  /** Whether Postgres and Temporal are taken away too, once each. */
  readonly outages: boolean;
  readonly seed: number;
}

export interface LedgerSoakOutcome {
  readonly orders: number;
  readonly fills: number;
  readonly midnights: number;
  readonly calls: number;
  /** Of all calls, those that were spoiled. */
  readonly faultShare: number;
  readonly spoiledEvents: number;
  readonly kills: Readonly<Record<string, number>>;
  /** What reconciliation has come upon meanwhile, by class and how it ended. */
  readonly found: Readonly<Record<string, number>>;
  /** What still stands. */
  readonly differences: number;
  /** How often a person had to resume an account, by what had paused it. */
  readonly resumed: Readonly<Record<string, number>>;
  /** What signals came to. */
  readonly signals: Readonly<Record<string, number>>;
  readonly seed: number;
  readonly durationMs: number;
  readonly broken: readonly string[];
}

const LOOK_MS = 500;
const BEFORE_MIDNIGHT_MS = 15_000;
const OUTAGE_MS = 3_000;

/** What happens beside the trading, when so many orders are placed. */
interface Happening {
  readonly at: number;
  readonly what: string;
  readonly do: () => Promise<void>;
}

/** Trades in every account through faults, kills, outages and midnights; then the ledger is held against the venues' journals. */
export async function soakLedger(options: LedgerSoakOptions, say: (line: string) => void): Promise<LedgerSoakOutcome> {
  const begun = performance.now();
  const world = await SoakWorld.open(options.accounts, '1m');
  let person: Person | undefined;
  try {
    person = await Person.at(world);
    const outcome = await new LedgerSoak(world, person, options, say).run();
    return { ...outcome, seed: options.seed, durationMs: Math.round(performance.now() - begun) };
  } catch (error) {
    if (error instanceof Error) error.message += `\n${await world.describe().catch(String)}`;
    throw error;
  } finally {
    await person?.close();
    await world.close();
  }
}

class LedgerSoak {
  private readonly world: SoakWorld;
  private readonly person: Person;
  private readonly options: LedgerSoakOptions;
  private readonly say: (line: string) => void;
  private readonly chance: Chance;
  private readonly kills: Record<string, number> = {};
  private readonly traders: readonly Trader[];
  private midnights = 0;
  private placed = 0;
  private isOver = false;

  constructor(world: SoakWorld, person: Person, options: LedgerSoakOptions, say: (line: string) => void) {
    this.world = world;
    this.person = person;
    this.options = options;
    this.say = say;
    this.chance = new Chance(options.seed, 'happenings');
    this.traders = world.lanes.map((lane) => new Trader(world, lane, new Chance(options.seed, lane.account)));
  }

  async run(): Promise<Omit<LedgerSoakOutcome, 'seed' | 'durationMs'>> {
    const { world, options } = this;
    const from = world.clock.now();
    world.lanes.forEach((lane, index) => spoil(lane, options.seed + 100 * index));
    await this.trade();
    const spoiling = world.lanes.map(spoiled);
    world.lanes.forEach(({ paper }) => paper.faults.clear());
    await this.everyoneTrades();
    // Every other account ends with something held, whose unrealized result is judged too.
    await Promise.all(this.traders.map((trader, index) => (index % 2 === 0 ? trader.hold() : trader.settled())));
    await this.everyoneTrades();
    const broken = await compared(world, true);
    for (const lane of world.lanes) broken.push(...(await judge(world, lane, from)));
    const sum = (of: 'calls' | 'struck' | 'events'): number => spoiling.reduce((total, one) => total + one[of], 0);
    const witnesses = world.lanes.map((lane) => lane.witness());
    return {
      orders: witnesses.reduce((total, { orders }) => total + orders.size, 0),
      fills: witnesses.reduce((total, { fills }) => total + fills.length, 0),
      midnights: this.midnights,
      ...{ calls: sum('calls'), faultShare: Math.floor((1_000 * sum('struck')) / sum('calls')) / 1_000, spoiledEvents: sum('events') },
      ...{ kills: this.kills, ...(await this.differences()), resumed: Object.fromEntries(this.person.resumed) },
      ...{ signals: this.signals(), broken },
    };
  }

  /** Everything at once, until there are enough orders, or until one part of it cannot go on. */
  private async trade(): Promise<void> {
    const { world, traders, options, say } = this;
    const isOver = (): boolean => this.isOver;
    const progress = tellProgress({ world, traders, placed: () => this.placed, say }, isOver);
    const trading = Promise.all(traders.map((trader) => trader.trade(() => this.isOver || this.placed >= options.orders)));
    try {
      await Promise.race([progress, Promise.all([trading, this.direct()])]);
    } finally {
      this.isOver = true;
    }
    await progress;
  }

  /** Puts forward the clock, kills and takes away, each when so many orders are placed. */
  private async direct(): Promise<void> {
    const { options } = this;
    const happenings = this.happenings();
    while (this.placed < options.orders && !this.isOver) {
      await wait(LOOK_MS);
      this.placed = await this.countPlaced();
      while ((happenings[0]?.at ?? Number.POSITIVE_INFINITY) <= this.placed) {
        const next = happenings.shift();
        this.say(`${this.placed} orders: ${next?.what}`);
        await next?.do();
      }
    }
    const undone = happenings.map(({ what }) => what);
    if (undone.length > 0) throw new Error(`too few orders for ${undone.join(', ')}`);
  }

  private happenings(): Happening[] {
    const { world, options, chance } = this;
    const some = (count: number, what: string, work: () => Promise<void>): Happening[] =>
      Array.from({ length: count }, (_, index) => {
        const [least, most] = [(index * 100) / count, ((index + 1) * 100) / count - Math.min(10, 50 / count)].map((part) =>
          Math.max(2, Math.floor(part)),
        );
        return { at: Math.floor((options.orders * chance.between(least ?? 0, most ?? 0)) / 110), what, do: work };
      });
    const killed = (role: 'trading' | 'guardian') => async () => {
      this.kills[role] = (this.kills[role] ?? 0) + 1;
      await world.kill(role);
    };
    const away = (which: 'postgres' | 'temporal') => async () => {
      this.kills[which] = (this.kills[which] ?? 0) + 1;
      await world.interrupt(which, OUTAGE_MS);
    };
    return [
      ...some(options.midnights, 'a midnight', () => this.midnight()),
      ...some(options.kills, 'trading is killed', killed('trading')),
      ...some(options.kills, 'guardian is killed', killed('guardian')),
      ...(options.outages ? some(1, 'Postgres is away', away('postgres')) : []),
      ...(options.outages ? some(1, 'Temporal is away', away('temporal')) : []),
    ].sort((one, other) => one.at - other.at);
  }

  /** The clock is put forward to shortly before midnight, which then passes while everything trades; then comes the day's comparison. */
  private async midnight(): Promise<void> {
    const { clock } = this.world;
    await clock.beforeMidnight(this.options.beforeMidnightMs ?? BEFORE_MIDNIGHT_MS);
    const before = new Date(clock.now()).getUTCDate();
    await until('midnight passes', () => new Date(clock.now()).getUTCDate() !== before);
    this.midnights += 1;
    for (const { account } of this.world.lanes) await startComparing(this.world, account, 'day').catch(() => undefined);
  }

  /** @throws Error with what keeps the others, where what has paused an account does not go by itself */
  private async everyoneTrades(): Promise<void> {
    const held = async (): Promise<string[]> => [...(await this.world.held())].map(([account, why]) => `${account} ${why}`);
    await until(
      'every account trades',
      async () => (await held()).every((one) => !one.includes('paused')),
      async () => (await held()).join('\n'),
    );
  }

  private async differences(): Promise<Pick<LedgerSoakOutcome, 'found' | 'differences'>> {
    const { rows } = await this.world.pool.query<{ name: string; count: number; standing: number }>(
      `select case class when 'timing' then 'timing of ' || seen_as else class end || ' ' || status as name, count(*)::int as count,
         (count(*) filter (where ended_at is null))::int as standing from reconciliation_differences group by 1 order by 1`,
    );
    return {
      found: Object.fromEntries(rows.map(({ name, count }) => [name, count])),
      differences: rows.reduce((total, { standing }) => total + standing, 0),
    };
  }

  private signals(): Readonly<Record<string, number>> {
    const counts: Record<string, number> = {};
    for (const { outcomes } of this.traders) for (const [said, count] of outcomes) counts[said] = (counts[said] ?? 0) + count;
    return counts;
  }

  private async countPlaced(): Promise<number> {
    const { rows } = await this.world.pool
      .query<{ count: number }>('select count(*)::int as count from orders where venue_order_id is not null')
      .catch(() => ({ rows: [] }));
    return rows[0]?.count ?? this.placed;
  }
}
