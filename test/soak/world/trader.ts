import { setTimeout as wait } from 'node:timers/promises';
import { WorkflowFailedError } from '@temporalio/client';
import { decimal, text } from '../../../core/money/index.js';
import { signalWorkflowId, type TradeSignal } from '../../../core/signal/signal.js';
import { TASK_QUEUES, WORKFLOW_TYPES } from '../../../workflows/names.js';
import type { OrderOutcome } from '../../../workflows/order/status.js';
import type { Chance } from '../../faults/matrix/chance.js';
import { STRATEGY } from './configuration.js';
import { INSTRUMENT, PRICE, type SoakLane } from './lane.js';
import type { SoakWorld } from './world.js';

const VALID_MS = 30_000;
const AGAIN_MS = 500;
/** Between two entries that the gate has denied: doubled with each, so that accounts that wait for a check leave it the machine. */
const LONGEST_AGAIN_MS = 4_000;
const LOOK_EVERY_MS = 200;
/** Longer than any fault, restart and window, on a busy machine as well: whoever gets no further by then is stuck. */
const PATIENCE_MS = 900_000;
const MIN_NOTIONAL = 5;

/** How an account stands: nothing that could be sold is held; held with its stop at the venue; else on its way. */
export type Standing = 'flat' | 'protected' | 'moving';

/** Gives the signals of one account, one position after another. */
export class Trader {
  /** How often signals came to what. */
  readonly outcomes = new Map<string, number>();
  private readonly world: SoakWorld;
  private readonly lane: SoakLane;
  private readonly chance: Chance;
  private signals = 0;
  private doing = 'nothing yet';
  private since = performance.now();

  constructor(world: SoakWorld, lane: SoakLane, chance: Chance) {
    this.world = world;
    this.lane = lane;
    this.chance = chance;
  }

  /** Opens and leaves positions until it is enough: by an exit, by one that does not wait for the stop, or by the stop itself. */
  async trade(isEnough: () => boolean): Promise<void> {
    const { lane, chance } = this;
    for (let denials = 0; !isEnough();) {
      lane.price = PRICE + chance.between(-300, 300);
      // What is bought at the price of a moment ago has its stop below that.
      this.does('waits for its price');
      while (!lane.hasArrived && !isEnough()) await wait(LOOK_EVERY_MS);
      const { status } = await this.give('open');
      denials = status === 'denied' ? denials + 1 : 0;
      if (denials > 0) await wait(Math.min(AGAIN_MS * 2 ** (denials - 1), LONGEST_AGAIN_MS));
      if ((await this.standing()) === 'flat') continue;
      const ending = chance.pick(['exit', 'exitAtOnce', 'stopReached', 'exit']);
      if (ending !== 'exitAtOnce' && (await this.settled()) === 'flat') continue;
      if (ending === 'stopReached') {
        lane.fallBelowStops();
        await this.settled(['flat']);
      }
      await this.leave();
    }
    this.does('has traded enough');
  }

  /** What it is at, and for how long, with what came of its last signal. */
  tell(): string {
    return `${this.doing} for ${Math.round((performance.now() - this.since) / 1_000)} s`;
  }

  /** Gives signals to open until something is held under its stop. */
  async hold(): Promise<void> {
    const limit = performance.now() + PATIENCE_MS;
    while ((await this.settled()) === 'flat') {
      if (performance.now() > limit) throw new Error(`${this.lane.account} opens nothing: ${JSON.stringify([...this.outcomes])}`);
      await this.give('open');
      await wait(AGAIN_MS);
    }
  }

  /** Gives signals to close until nothing is held. */
  async leave(): Promise<void> {
    const limit = performance.now() + PATIENCE_MS;
    while ((await this.standing()) !== 'flat') {
      if (performance.now() > limit) throw new Error(`${this.lane.account} is not left: ${JSON.stringify([...this.outcomes])}`);
      await this.give('close');
      if ((await this.standing()) !== 'flat') await wait(AGAIN_MS);
    }
  }

  /** Waits until nothing is on its way. */
  async settled(kinds: readonly Standing[] = ['flat', 'protected']): Promise<Standing> {
    this.does(`waits to be ${kinds.join(' or ')}`);
    for (const limit = performance.now() + PATIENCE_MS; ; await wait(LOOK_EVERY_MS)) {
      const last = await this.standing();
      if (kinds.includes(last)) return last;
      if (performance.now() > limit) throw new Error(`${this.lane.account} is not ${kinds.join(' or ')}, it is ${last}`);
    }
  }

  async standing(): Promise<Standing> {
    const { account, open: openAtVenue } = this.lane;
    const row = await this.patiently(async () => {
      const { rows } = await this.world.pool.query<{ held: string; open: number; stops: number }>(
        `select (select coalesce(sum(quantity), 0)::text from positions where account = $1) as held, count(*)::int as open,
           (count(*) filter (where purpose = 'stop' and status = 'accepted'))::int as stops
         from orders where account = $1 and final_at is null`,
        [account],
      );
      return rows[0];
    });
    const { held = '0', open = 0, stops = 0 } = row ?? {};
    const isDust = decimal(held).mul(PRICE).lt(MIN_NOTIONAL);
    if (isDust && open === 0 && openAtVenue === 0) return 'flat';
    return !isDust && open === 1 && stops === 1 && openAtVenue === 1 ? 'protected' : 'moving';
  }

  /** One signal, to its outcome; one that could not be given or whose outcome is lost with a server is `lost`. */
  async give(leg: TradeSignal['leg']): Promise<OrderOutcome> {
    const now = this.world.clock.now();
    this.signals += 1;
    const signal: TradeSignal = {
      ...{ account: this.lane.account, strategy: STRATEGY, strategyVersion: '1', instrument: INSTRUMENT, leg },
      ...{ barCloseTime: this.signals, decidedTime: now, validUntil: now + VALID_MS },
      referencePrice: text(decimal(String(this.lane.price))),
      ...{ stopDistanceRatio: 0.02, features: [], reason: 'soak' },
    };
    const workflowId = signalWorkflowId(signal);
    this.does(`waits for ${workflowId}`);
    const outcome = await this.patiently(async () => {
      const { workflow } = await this.world.client();
      const { taskQueue, ...options } = { taskQueue: TASK_QUEUES.trading, workflowId, args: [signal], workflowTaskTimeout: '5s' as const };
      const handle = await workflow.start(WORKFLOW_TYPES.signalToOrder, {
        ...options,
        taskQueue,
        workflowIdConflictPolicy: 'USE_EXISTING',
      });
      const tooLate = wait(PATIENCE_MS, undefined, { ref: false }).then(() => Promise.reject(new Error(`${workflowId} has no outcome`)));
      return (await Promise.race([this.world.resultOf(handle), tooLate])) as OrderOutcome;
    });
    const said = [leg, outcome.status, ...outcome.codes].join(' ');
    this.outcomes.set(said, (this.outcomes.get(said) ?? 0) + 1);
    this.does(`had ${said}`);
    return outcome;
  }

  private does(what: string): void {
    this.doing = what;
    this.since = performance.now();
  }

  /** What a server that was taken away does not answer is asked again. */
  private async patiently<T>(ask: () => Promise<T>): Promise<T> {
    for (const limit = performance.now() + PATIENCE_MS; ; await wait(AGAIN_MS)) {
      try {
        return await ask();
      } catch (error) {
        if (error instanceof WorkflowFailedError || this.world.isClosed || performance.now() > limit) throw error;
      }
    }
  }
}
