import type { BarStreamDependencies } from '../../../activities/streams/bars.js';
import { StrategyRunner } from '../../../activities/streams/strategy-runner.js';
import { INSTRUMENT, openLedger, type Ledger } from '../../support/ledger.js';
import { startOrderWorker, type OrderWorker, type TemporalAddress } from '../../support/order-worker.js';
import { openPaperAccount } from '../../support/paper-account.js';
import type { TestDatabase } from '../../support/postgres-server.js';
import { CELLS, type Cell } from './cells.js';
import { Chance } from './chance.js';
import { judge, placedSoFar, settle } from './judge.js';
import { Lane, offering } from './lane.js';
import { tell } from './story.js';

/** One story that was told and judged. `name` and the seed tell it again. */
export interface Verdict {
  readonly name: string;
  /** How often the fault struck. */
  readonly struck: number;
  /** What its signals came to. */
  readonly outcomes: readonly string[];
  /** The types of the stops that the venue had from it. */
  readonly stops: readonly string[];
  readonly violations: readonly string[];
  readonly durationMs: number;
}

export interface Outcome {
  readonly seed: number;
  readonly cases: number;
  /** Further cases, of cells that no fault had struck in. */
  readonly again: number;
  /** How often faults struck, in all cases together. */
  readonly faults: number;
  readonly cells: number;
  /** Cells of which no case was struck by its fault: they prove nothing. */
  readonly idle: readonly string[];
  /** How often each fault struck at each operation. */
  readonly coverage: Readonly<Record<string, Readonly<Record<string, number>>>>;
  /** How many stops of each type the venue had. */
  readonly stops: Readonly<Record<string, number>>;
  readonly violations: number;
  readonly failed: readonly Verdict[];
  readonly durationMs: number;
}

export interface RunOptions {
  readonly seed: number;
  readonly cases: number;
  /** Stories told at the same time, each on an account of its own. */
  readonly lanes: number;
  /** Only the cases whose name begins so. */
  readonly only?: string;
  readonly onVerdict?: (verdict: Verdict) => void;
}

interface Case {
  readonly cell: Cell;
  /** Which of its cell's. */
  readonly turn: number;
}

const cellName = ({ fault, operation }: Cell): string => `${fault}@${operation}`;
const caseName = ({ cell, turn }: Case): string => `${cellName(cell)}#${turn}`;

/** The cases of a run: cell after cell, again and again, each with choices of its own. */
function casesOf({ cases, only = '' }: Pick<RunOptions, 'cases' | 'only'>): Case[] {
  return Array.from({ length: cases }, (_, index) => ({
    cell: CELLS[index % CELLS.length] as Cell,
    turn: Math.floor(index / CELLS.length),
  })).filter((one) => caseName(one).startsWith(only));
}

/** How often a cell that no case was struck in is tried once more. */
const MORE_TURNS = 3;

/** Runs the fault matrix on one ledger and one worker. The servers are given; nothing of a run is left in them. */
export async function runMatrix(database: TestDatabase, temporal: TemporalAddress, options: RunOptions): Promise<Outcome> {
  const begun = performance.now();
  const ledger = await openLedger(database);
  const worker = await startOrderWorker(ledger, temporal, { runnersOf });
  const lanes = new Lanes(ledger, worker);
  const verdicts: { readonly cell: Cell; readonly verdict: Verdict }[] = [];
  const tellAll = async (cases: readonly Case[]): Promise<void> => {
    const waiting = [...cases];
    const work = async (): Promise<void> => {
      for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
        const verdict = await lanes.tell(next, options.seed);
        verdicts.push({ cell: next.cell, verdict });
        options.onVerdict?.(verdict);
      }
    };
    await Promise.all(Array.from({ length: options.lanes }, work));
  };
  const cases = casesOf(options);
  const cells = [...new Set(cases.map(({ cell }) => cell))];
  const idle = (): Cell[] => cells.filter((cell) => !verdicts.some((one) => one.cell === cell && one.verdict.struck > 0));
  let late: Verdict[] = [];
  try {
    await tellAll(cases);
    const turns = Math.ceil(options.cases / CELLS.length);
    // A busy machine may send an order too late, so that the venue refuses it before its fault can strike.
    for (let more = 0; more < MORE_TURNS; more += 1) await tellAll(idle().map((cell) => ({ cell, turn: turns + more })));
    late = lanes.afterTheEnd();
  } finally {
    await worker.stop();
    await lanes.close();
    await ledger.close();
  }
  const all = [...verdicts.map((one) => one.verdict), ...late];
  const failed = all.filter((verdict) => verdict.violations.length > 0);
  return {
    seed: options.seed,
    cases: cases.length,
    again: verdicts.length - cases.length,
    faults: all.reduce((sum, verdict) => sum + verdict.struck, 0),
    cells: cells.length,
    idle: idle().map(cellName),
    coverage: coverageOf(verdicts),
    stops: countsOf(all.flatMap(({ stops }) => stops)),
    violations: failed.reduce((sum, verdict) => sum + verdict.violations.length, 0),
    failed,
    durationMs: Math.round(performance.now() - begun),
  };
}

function coverageOf(verdicts: readonly { readonly cell: Cell; readonly verdict: Verdict }[]): Outcome['coverage'] {
  const table: Record<string, Record<string, number>> = {};
  for (const { cell, verdict } of verdicts) {
    const row = (table[cell.fault] ??= {});
    row[cell.operation] = (row[cell.operation] ?? 0) + verdict.struck;
  }
  return table;
}

function countsOf(names: readonly string[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const name of names) counts[name] = (counts[name] ?? 0) + 1;
  return counts;
}

/** A strategy that never wants anything: the bar stream is there for its bars. */
const runnersOf: BarStreamDependencies['runnersOf'] = (account, intervalMs) => [
  new StrategyRunner({
    account,
    strategy: {
      id: 'idle',
      version: '1',
      lookbackBars: 3,
      featureNames: [],
      step: () => ({ intent: 'none', stance: 'undecided', features: [], stopDistanceRatio: 0.02, reason: 'never' }),
    },
    instrument: INSTRUMENT,
    intervalMs,
    model: { hash: 'none', threshold: 1, featureNames: [], trainedFrom: '2026-01-01', trainedTo: '2026-01-01', score: async () => 0 },
    threshold: 1,
    signalValidMs: 1,
    isHalted: () => false,
    sink: { trade: async () => undefined, wouldTrade: async () => false, notTraded: async () => undefined },
    clock: Date.now,
  }),
];

/** The accounts of a run. One is used again until something in it has gone wrong or waits for a person. */
class Lanes {
  private readonly ledger: Ledger;
  private readonly worker: OrderWorker;
  private readonly all: { readonly lane: Lane; placed: number; last: string }[] = [];
  private readonly free: Lane[] = [];
  private opening: Promise<unknown> = Promise.resolve();

  constructor(ledger: Ledger, worker: OrderWorker) {
    this.ledger = ledger;
    this.worker = worker;
  }

  async tell(one: Case, seed: number): Promise<Verdict> {
    const name = caseName(one);
    const lane = this.free.pop() ?? (await this.inTurn(() => this.open()));
    const plan = one.cell.plan(new Chance(seed, name));
    const begun = performance.now();
    const violations: string[] = [];
    try {
      await tell(lane, plan);
      violations.push(...(await lane.bars.finish(() => lane.struck(plan) > 0)));
    } catch (error) {
      violations.push(error instanceof Error ? error.message : String(error));
    }
    const struck = lane.struck(plan);
    violations.push(...(await settle(lane)));
    const { wrong, stops } = await judge(lane, plan);
    violations.push(...wrong);
    const isClean = violations.length === 0 && !(await this.waitsForAPerson(lane));
    if (isClean) this.free.push(lane);
    const entry = this.all.find((known) => known.lane === lane);
    if (entry !== undefined) Object.assign(entry, { placed: placedSoFar(lane), last: name });
    return { name, struck, outcomes: [...lane.outcomes], stops, violations, durationMs: Math.round(performance.now() - begun) };
  }

  /** No order may come after the end of the last story of an account. */
  afterTheEnd(): Verdict[] {
    return this.all
      .filter(({ lane, placed }) => placedSoFar(lane) !== placed)
      .map(({ lane, last }) => ({
        name: last,
        struck: 0,
        outcomes: [],
        stops: [],
        violations: [`${lane.name}: an order after the end`],
        durationMs: 0,
      }));
  }

  async close(): Promise<void> {
    for (const { lane } of this.all) await lane.account.close();
  }

  /** One at a time: a client of a venue is made in a tenth of a second in which nothing else runs. */
  private inTurn<T>(work: () => Promise<T>): Promise<T> {
    const mine = this.opening.then(work);
    this.opening = mine.catch(() => undefined);
    return mine;
  }

  private async open(): Promise<Lane> {
    const account = `lane-${process.pid}-${this.all.length + 1}`;
    const offer = { marketStop: true };
    const limits = { readLimitMs: 1_500, keepWarmMs: 10_000 };
    const paper = await openPaperAccount({ account, venueName: account, venueOf: offering(offer), ...limits });
    paper.paper.pausePrices();
    await this.ledger.enrol(paper);
    await this.worker.watch(account);
    const lane = new Lane(paper, this.ledger, this.worker, offer);
    this.all.push({ lane, placed: 0, last: '' });
    return lane;
  }

  private async waitsForAPerson(lane: Lane): Promise<boolean> {
    const { rows } = await this.ledger.database.pool.query('select from blocked_instruments where account = $1', [lane.name]);
    return rows.length > 0;
  }
}
