import { readFile } from 'node:fs/promises';
import { setTimeout as wait } from 'node:timers/promises';
import { INSTRUMENT, type Lane } from '../../../bench/kill/lane.js';
import { until } from '../../../bench/kill/until.js';
import { EVERYTHING, type KillWorld } from '../../../bench/kill/world.js';
import type { OwnServers } from '../../../bench/servers.js';
import { decimalTextOf } from '../../../core/money/index.js';
import { Chance } from '../matrix/chance.js';
import { DirectProgram } from './direct-program.js';
import { FOREIGN, judge } from './judge.js';

/** How large a story is. */
export interface StorySize {
  /** Entries that rest, in both accounts together. */
  readonly orders: number;
  /** How long the venue of one of them answers nothing. */
  readonly outageMs: number;
  readonly seed: number;
}

export interface Outcome {
  /** From the call of the halt until the account whose venue answers was verified flat, and until all were. */
  readonly reachableMs: number;
  readonly allMs: number;
  /** What else was measured or counted. */
  readonly facts: Readonly<Record<string, number | string>>;
  /** What was not as it has to be; empty: nothing. */
  readonly broken: readonly string[];
}

export type StoryName = 'guardian' | 'temporal' | 'postgres' | 'both';
type Story = (stage: Stage) => Promise<Outcome>;

const POSITIONS = 2;
const POSITION_NOTIONAL = 15_000;
const FOREIGN_PRICE = '45000';

/** Two accounts that hold something and have many orders at their venues, of which one is about to go down. */
interface Stage {
  readonly world: KillWorld;
  readonly servers: OwnServers;
  readonly size: StorySize;
  readonly chance: Chance;
  readonly up: Lane;
  readonly down: Lane;
}

/** The guardian is killed with -9 while it cancels, and another is started in its place. */
const guardian: Story = async (stage) => {
  const { world } = stage;
  const calledAt = goDown(stage);
  await latched(world);
  await partOf(stage);
  const killedAt = Date.now();
  await world.killGuardians();
  await world.startGuardian();
  const restartMs = Date.now() - killedAt;
  const missing = await stillMissing(stage, calledAt);
  const times = await verified(stage, calledAt);
  return { ...times, facts: { restartMs }, broken: [...missing, ...(await judged(stage))] };
};

/** Temporal is stopped while the workflows cancel; the direct command finishes, and the workflows take its files up. */
const temporal: Story = async (stage) => {
  const { world, servers } = stage;
  const calledAt = goDown(stage);
  await latched(world);
  await partOf(stage);
  await servers.stop('temporal');
  const direct = new DirectProgram(world.env, ['--reason', 'Temporal is away']);
  try {
    const reachableMs = (await flatAtVenue(stage.up)) - calledAt;
    await outageEnds(stage, calledAt);
    const exitCode = await until('the direct command ends', async () => direct.hasEnded && { code: await direct.ended });
    const allMs = Date.now() - calledAt;
    const broken =
      exitCode.code === 0 && direct.said.includes('VERIFIED') ? [] : [`the direct command ended with ${exitCode.code}:\n${direct.said}`];
    broken.push(...(await judged(stage)));
    await servers.startAgain('temporal');
    if (!world.isGuarded) await world.startGuardian();
    for (const lane of [stage.up, stage.down]) await takenUp(world, lane);
    return { reachableMs, allMs, facts: {}, broken: [...broken, ...(await judged(stage))] };
  } finally {
    await direct.kill();
  }
};

/** Postgres is away when the direct command begins: it cancels what appears, and ends only when the latch is committed. */
const postgres: Story = async (stage) => {
  const { world, servers, up } = stage;
  const calledAt = goDown(stage);
  await servers.stop('postgres');
  const direct = new DirectProgram(world.env, ['--reason', 'Postgres is away']);
  try {
    await until('it says UNLATCHED', () => direct.said.includes('UNLATCHED'));
    await until('what was open is canceled', () => up.working === 0);
    const canceledMs = Date.now() - calledAt;
    await placeByHand(up, 'late');
    await until('what appears is canceled', () => up.working === 0);
    await outageEnds(stage, calledAt);
    await until('so is what was open at the other venue', () => stage.down.working === 0);
    const broken = direct.hasEnded || direct.said.includes('HALTED') ? [`it ended, or called itself latched:\n${direct.said}`] : [];
    await servers.startAgain('postgres');
    if (!world.isGuarded) await world.startGuardian();
    const exitCode = await until('the direct command ends', async () => direct.hasEnded && { code: await direct.ended });
    if (exitCode.code !== 0 || !direct.said.includes('HALTED')) broken.push(`it ended with ${exitCode.code}:\n${direct.said}`);
    const times = await verified(stage, calledAt);
    return { ...times, facts: { canceledMs }, broken: [...broken, ...(await judged(stage))] };
  } finally {
    await direct.kill();
  }
};

/** The direct command and the workflows at once: what sells holds the lease, and nothing is sold twice (P27). */
const both: Story = async (stage) => {
  const { world } = stage;
  const calledAt = goDown(stage);
  await latched(world);
  const direct = new DirectProgram(world.env, ['--reason', 'both at once']);
  try {
    const missing = await stillMissing(stage, calledAt);
    const times = await verified(stage, calledAt);
    const exitCode = await until('the direct command ends', async () => direct.hasEnded && { code: await direct.ended });
    const broken = exitCode.code === 0 ? [] : [`the direct command ended with ${exitCode.code}:\n${direct.said}`];
    return { ...times, facts: {}, broken: [...missing, ...broken, ...(await judged(stage))] };
  } finally {
    await direct.kill();
  }
};

const STORIES: Readonly<Record<StoryName, Story>> = { guardian, temporal, postgres, both };
export const STORY_NAMES = Object.keys(STORIES) as readonly StoryName[];

/** Fills the books of a fresh world, and tells one story in it. */
export async function tell(name: StoryName, world: KillWorld, servers: OwnServers, size: StorySize): Promise<Outcome> {
  const chance = new Chance(size.seed, name);
  const [one, other] = world.lanes;
  if (one === undefined || other === undefined) throw new Error('a story has two accounts');
  const [up, down] = chance.pick([[one, other] as const, [other, one] as const]);
  await Promise.all(
    [up, down].map(async (lane) => {
      await world.trader.hold(lane, POSITION_NOTIONAL, POSITIONS);
      await world.trader.rest(lane, size.orders / 2);
    }),
  );
  return STORIES[name]({ world, servers, size, chance, up, down });
}

/** @returns the moment from which on is counted */
function goDown({ down }: Stage): number {
  down.isDown = true;
  return Date.now();
}

async function latched({ halts }: KillWorld): Promise<void> {
  await halts.latch(EVERYTHING, { subject: 'test', underKey: null, reason: 'a story', policy: 'atOnce' });
}

/** Waits until some of the orders are canceled, as many as the seed says. */
async function partOf({ up, size, chance }: Stage): Promise<void> {
  const share = chance.between(10, 90) / 100;
  await until('some of it is canceled', () => up.working <= Math.floor((size.orders / 2) * (1 - share)));
}

/** While a venue is down its kill says so, and verifies nothing. Returns when the venue is back. */
async function stillMissing(stage: Stage, calledAt: number): Promise<string[]> {
  const { world, down } = stage;
  await until(`the reachable account is verified`, () => world.one('kills', stage.up.account, `phase = 'verified'`));
  const told = await until('what is missing is told', () =>
    world.one<{ phase: string; state: { unverified: readonly { kind: string }[] } }>('kills', down.account, `state ? 'unverified'`),
  );
  const isTold = told.phase === 'running' && told.state.unverified.some(({ kind }) => kind === 'unanswered');
  await outageEnds(stage, calledAt);
  return isTold ? [] : [`${down.account} is ${told.phase}, not verified: ${JSON.stringify(told.state.unverified)}`];
}

async function outageEnds({ down, size }: Stage, since: number): Promise<void> {
  await wait(Math.max(0, since + size.outageMs - Date.now()));
  down.isDown = false;
}

async function verified({ world, up, down }: Stage, calledAt: number): Promise<Pick<Outcome, 'reachableMs' | 'allMs'>> {
  const at = async (lane: Lane): Promise<number> => {
    const found = await until(`${lane.account} is verified flat`, () => world.verified(lane.account, calledAt));
    return Math.round(found.at - calledAt);
  };
  return { reachableMs: await at(up), allMs: await at(down) };
}

/** When the venue itself has nothing open any more and the positions are gone. */
async function flatAtVenue(lane: Lane): Promise<number> {
  await until(`${lane.account} is flat at its venue`, () => lane.open === 0);
  return Date.now();
}

/** The workflow has verified the account too, and its evidence names the file of the direct run. */
async function takenUp(world: KillWorld, { account }: Lane): Promise<void> {
  await until(`the workflow of ${account} takes the direct run up`, async () => {
    const kill = await world.one<{ evidence: { path: string } }>('kills', account, `phase = 'verified' and evidence is not null`);
    if (kill === undefined) return false;
    const { directRuns } = JSON.parse(await readFile(kill.evidence.path, 'utf8')) as { directRuns: readonly object[] };
    return directRuns.length > 0;
  });
}

/** An order that nobody of ours has made. */
async function placeByHand({ venue }: Lane, name: string): Promise<void> {
  const verdict = await venue.sender.submit(
    {
      ...{ clientOrderId: `${FOREIGN}${name}`, instrument: INSTRUMENT, side: 'buy', type: 'limit', postOnly: false, timeInForce: 'GTC' },
      ...{ quantity: decimalTextOf('0.001'), price: decimalTextOf(FOREIGN_PRICE), signedTimestamp: Date.now(), receiveWindowMs: 2_000 },
    },
    5_000,
  );
  if (verdict.kind !== 'accepted') throw new Error(`an order by hand is ${verdict.kind}`);
}

async function judged({ world, up, down }: Stage): Promise<string[]> {
  return [...(await judge(world, up)), ...(await judge(world, down))];
}
