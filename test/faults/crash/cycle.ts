import type { TradeSignal } from '../../../core/signal/signal.js';
import type { Order } from '../../../exchange/matching/order.js';
import type { OrderOutcome } from '../../../workflows/order/status.js';
import { textOf, type Point } from '../programs/point.js';
import { UNAUTHORISED } from '../programs/unauthorised.js';
import { isOneByOne, nameOf, type ByHand, type Crash, type Fault } from './crash.js';
import type { Program, RoleName } from './program.js';
import { settled, type Standing } from './standing.js';
import { bounded, until } from './until.js';
import { INSTRUMENT, VENUE_ACCOUNT, type World } from './world.js';

export interface Recovery {
  readonly crash: Crash;
  /** From the kill until the program that was started for it was ready. */
  readonly restartMs: number;
  /** From the kill until nothing was on its way: an order resolved, a stop resting again. */
  readonly recoveryMs: number;
}

const SYMBOL = INSTRUMENT.replace('/', '');
const MOST_ROUNDS = 5;
const LATE_MS = 3_000;
/** So many refused stops are told to people. */
const REFUSALS = 3;
const REFUSAL = { status: 400, code: -2010 };

/** The programs of a world, one of each role, of which one is killed again and again. */
export class Crew {
  readonly world: World;
  private readonly programs = new Map<RoleName, Program>();
  private isFromOutside = false;

  private constructor(world: World) {
    this.world = world;
  }

  static async start(world: World): Promise<Crew> {
    const crew = new Crew(world);
    await Promise.all([crew.restart('guardian'), crew.restart('trading')]);
    return crew;
  }

  /**
   * Kills a program at a point, starts it anew, and goes on until the account is flat.
   * @throws Error when the point was never come to, or the account does not come to rest
   */
  async crash(crash: Crash): Promise<Recovery> {
    this.giveAs(crash);
    const victim = crash.phase === 'start' ? await this.launch(crash) : this.of(crash.role);
    const restarted = victim.ended.then(() => this.restart(crash.role)).then(() => Date.now());
    restarted.catch(() => undefined);
    // Another worker may be quicker with what the call is for: then there is no such call this time.
    for (let round = 0; round < MOST_ROUNDS && victim.struckTime === undefined; round += 1) {
      if (crash.phase !== 'start') await this.comeTo(crash, victim);
    }
    const struckTime = await until(comingTo(crash), () => victim.struckTime);
    const restartMs = (await restarted) - struckTime;
    await settled(this.world);
    const recoveryMs = Date.now() - struckTime;
    this.world.paper.faults.clear();
    await this.close();
    if (crash.call === 'market.saveBars') await until('no bar is missing', () => this.world.hasEveryBar());
    return { crash, restartMs, recoveryMs };
  }

  /** One position, opened and closed, or as far as the victim lives. */
  private async comeTo(crash: Crash, victim: Program): Promise<void> {
    const { role, phase, fault } = crash;
    const changes = fault === 'unauthorised' ? { reason: UNAUTHORISED } : {};
    const isEnough = (): boolean => victim.struckTime !== undefined;
    const part = phase === 'more' ? await this.openInPart() : undefined;
    if (phase !== 'open' && part === undefined) await this.open();
    this.world.paper.faults.clear();
    this.spoil(fault, role);
    await victim.arm(killAt(crash));
    if (phase === 'held' && isByHand(fault)) {
      this.touchStop(fault);
      await settled(this.world);
    }
    // What escapes is never protected.
    const ends: Standing['kind'][] = fault === 'stopReached' ? ['protected', 'flat'] : ['protected'];
    if (phase === 'open') await this.open(changes, isEnough, ends);
    if (part !== undefined) {
      await part.fillRest();
      await settled(this.world);
      // The stop goes at the close as well, which is another case.
      await victim.disarm();
    }
    if (!isEnough()) await this.close();
  }

  /** Starts another program of this role, which is from then on the crew's. */
  async restart(role: RoleName, env: NodeJS.ProcessEnv = {}): Promise<void> {
    this.programs.set(role, await this.world.start(role, env));
  }

  of(role: RoleName): Program {
    const program = this.programs.get(role);
    if (program === undefined) throw new Error(`invariant: a ${role} program runs`);
    return program;
  }

  /**
   * In the place of the one that runs, one that is armed from its start. One that gives up before it has come to its point, since a
   * starved database did not answer it in time, has another one in its place. @returns one that was struck
   */
  private async launch(crash: Crash): Promise<Program> {
    const { role, fault } = crash;
    if (isByHand(fault)) await this.open();
    await this.of(role).kill();
    if (isByHand(fault)) this.touchStop(fault);
    for (let starts = 1; ; starts += 1) {
      const program = this.world.launch(role, { KEELSON_TEST_POINT: textOf(killAt(crash)) });
      await until(comingTo(crash), () => program.struckTime !== undefined || program.hasGivenUp);
      if (program.struckTime !== undefined) return program;
      if (starts === MOST_ROUNDS) throw new Error(`${role} gave up ${starts} times before its point:\n${program.logTail()}`);
    }
  }

  /** Another hand cancels the stop, or fills it. */
  private touchStop(hand: ByHand): void {
    const { paper } = this.world;
    const [stop] = paper.orders.open(VENUE_ACCOUNT, SYMBOL);
    if (stop === undefined) throw new Error('a stop outlives those who placed it');
    if (hand === 'stopCanceled') paper.engine.cancel(stop, undefined, paper.now());
    else paper.engine.fillByHand(stop, stop.quantity, paper.now());
  }

  /**
   * Gives opening signals until something is held, or until it is enough: entries are denied for as long as a worker that has just
   * started has no price, or a stream that lost its worker is not resumed. @throws Error with the last outcome when nothing is ever held
   */
  async open(
    changes: Partial<TradeSignal> = {},
    isEnough: () => boolean = () => false,
    ends: readonly Standing['kind'][] = ['protected'],
  ): Promise<void> {
    let last = '';
    const isOpen = async (): Promise<boolean> => {
      if (isEnough()) return true;
      const outcome = await this.give('open', changes);
      last = JSON.stringify(outcome);
      if ((await settled(this.world)) === 'protected') return true;
      if (outcome.status === 'filled') await settled(this.world, ends);
      return false;
    };
    await until('something is held', isOpen, () => `the last signal: ${last}`);
  }

  /**
   * An entry that rests has filled in part, and the part has its stop, which has to become larger as soon as the rest fills: while anything is
   * held no other signal buys more of it. The world's entries are to rest for as long as that takes.
   */
  async openInPart(): Promise<{ readonly fillRest: () => Promise<OrderOutcome> }> {
    const { world } = this;
    const { engine, orders } = world.paper;
    await this.close();
    let last = '';
    const [entry, outcome] = await until(
      'an entry rests',
      async () => {
        last = '';
        const given = this.give('open');
        void given.then((one) => (last = JSON.stringify(one))).catch((error: unknown) => (last = String(error)));
        const found = (): Order | undefined => orders.open(VENUE_ACCOUNT, SYMBOL).find(({ side }) => side === 'BUY');
        const rests = await until('the signal to open has an order, or an outcome', () => found() ?? (last === '' ? undefined : last));
        return typeof rests === 'string' ? undefined : ([rests, () => given] as const);
      },
      () => `the last signal: ${last}`,
    );
    engine.fillByHand(entry, entry.quantity / 2n, world.paper.now());
    await settled(world, ['protected'], entry.clientOrderId);
    return {
      fillRest() {
        engine.fillByHand(entry, entry.quantity - entry.executed, world.paper.now());
        return outcome();
      },
    };
  }

  /** Gives closing signals until nothing is held: one may expire, or be denied, while a program starts. @throws Error with the last outcome */
  async close(): Promise<void> {
    let last = '';
    const isFlat = async (): Promise<boolean> => {
      if ((await settled(this.world)) === 'flat') return true;
      last = JSON.stringify(await this.give('close'));
      return false;
    };
    await until('nothing is held', isFlat, () => `the last signal: ${last}`);
  }

  /** From here on signals are given so that the call of this crash is come to. */
  giveAs(crash: Crash): void {
    this.isFromOutside = isOneByOne(crash);
  }

  /** What it came to. Where the account is paused, it is compared, after which it may go on (see the configuration). */
  async give(leg: TradeSignal['leg'], changes: Partial<TradeSignal> = {}): Promise<OrderOutcome> {
    const program = this.of('trading');
    const isThere = program.struckTime === undefined && !program.hasEnded;
    const by = isThere && !this.isFromOutside ? program : undefined;
    const given = this.world.give(this.world.signal(leg, changes), by);
    const outcome = await bounded(
      `the outcome of a signal to ${leg}`,
      given.then((one) => one.outcome),
    );
    if (outcome.codes.includes('RISK_MODE')) await bounded('the account is compared', this.world.compare());
    return outcome;
  }

  spoil(fault: Fault | undefined, role: RoleName): void {
    const side = role === 'trading' ? 'BUY' : 'SELL';
    // The guardian's stream books an entry too, and may be quicker: here it hears of it late.
    if (role === 'trading') this.world.fault({ fault: 'delayEvent', side, times: 0, delayMs: LATE_MS });
    if (fault === undefined || fault === 'unauthorised' || isByHand(fault)) return;
    const call = 'POST /api/v3/order';
    if (fault === 'stopReached') {
      this.world.fault({ fault: 'refuse', call, side, type: 'STOP_LOSS*', ...REFUSAL, message: 'Stop price would trigger immediately.' });
    } else {
      this.world.fault({ fault, call, side, ...(fault === 'refuse' ? { ...REFUSAL, times: REFUSALS, message: 'Not today.' } : {}) });
    }
  }
}

const comingTo = (crash: Crash): string => `the point is come to: ${nameOf(crash)}`;
const isByHand = (fault: Fault | undefined): fault is ByHand => fault === 'stopCanceled' || fault === 'stopFilled';

const killAt = ({ when, call, of }: Crash): Point => ({
  when,
  call,
  ...(of === undefined ? {} : { of }),
  occurrence: 1,
  signal: 'SIGKILL',
});
