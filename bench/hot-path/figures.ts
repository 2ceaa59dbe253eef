import type { FloorStamps, SignalStamps, VenueStamps, WorkerStamps } from './stamps.js';

/** From the frame that closes the bar to the arrival of its order request, in the order in which it happens. */
export const PARTS = ['read', 'decide', 'start', 'authorise', 'begin', 'send'] as const;
export type Part = (typeof PARTS)[number];

/** A signal whose order request arrived; durations in ms. */
export interface Measured {
  readonly workflowId: string;
  /** Epoch ms. */
  readonly frameLeft: number;
  readonly postArrived: number;
  readonly wholeMs: number;
  readonly partsMs: Readonly<Record<Part, number>>;
  /** How long the server took to acknowledge the start; the first step does not wait for it. */
  readonly answeredMs: number;
  readonly statements: number;
  readonly statementsBeforeStart: number;
  readonly socketsBeforeStart: number;
}

/** Joins what venue and worker saw. A signal that was not sent, or of which a stamp is missing, is left out. */
export class Joiner {
  readonly floors: FloorStamps[] = [];
  readonly begun: number[] = [];
  readonly ranAgain: string[] = [];
  readonly #frames = new Map<string, number>();
  readonly #posts = new Map<string, number>();
  readonly #signals: SignalStamps[] = [];

  see(stamps: VenueStamps | WorkerStamps): void {
    if (stamps.type === 'venueStamps') {
      for (const [bar, at] of stamps.frames) this.#frames.set(bar, at);
      for (const [clientOrderId, at] of stamps.posts) this.#posts.set(clientOrderId, at);
      return;
    }
    this.#signals.push(...stamps.signals);
    this.floors.push(...stamps.floors);
    this.begun.push(...stamps.begun);
    this.ranAgain.push(...stamps.ranAgain);
  }

  measured(): Measured[] {
    return this.#signals.flatMap((signal) => this.#measure(signal));
  }

  #measure(signal: SignalStamps): Measured[] {
    const frameLeft = this.#frames.get(signal.bar);
    const postArrived = this.#posts.get(signal.clientOrderId);
    const { stepBegun, startCalled, startAnswered, entered, authorised, begun } = signal;
    const times = [frameLeft, stepBegun, startCalled, entered, authorised, begun, postArrived];
    if (!times.every((time) => time !== undefined) || frameLeft === undefined || postArrived === undefined) return [];
    const partsMs = Object.fromEntries(PARTS.map((part, index) => [part, (times[index + 1] ?? 0) - (times[index] ?? 0)]));
    const { workflowId, statements, statementsBeforeStart, socketsBeforeStart } = signal;
    return [
      {
        workflowId,
        frameLeft,
        postArrived,
        wholeMs: postArrived - frameLeft,
        partsMs: partsMs as Record<Part, number>,
        answeredMs: (startAnswered ?? Number.NaN) - (startCalled ?? 0),
        statements,
        statementsBeforeStart,
        socketsBeforeStart,
      },
    ];
  }
}

/** The value below which that share of the values lies, with two digits behind the point; NaN of none. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((one, other) => one - other);
  return round(sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? Number.NaN);
}

export const round = (value: number): number => Math.round(value * 100) / 100;

/** Figures of one pace, each name with `pace` before it. */
export function figuresOf(pace: string, measured: readonly Measured[], floors: readonly FloorStamps[]): Record<string, number> {
  const figures: Record<string, number> = { [`${pace}.signals`]: measured.length, [`${pace}.floors`]: floors.length };
  const add = (name: string, values: readonly number[]): void => {
    for (const [label, share] of [
      ['p50', 0.5],
      ['p95', 0.95],
      ['p99', 0.99],
    ] as const) {
      figures[`${pace}.${name}.${label}Ms`] = quantile(values, share);
    }
  };
  add(
    'whole',
    measured.map((one) => one.wholeMs),
  );
  add(
    'floor',
    floors.map((one) => one.entered - one.startCalled),
  );
  add(
    'floorAnswered',
    floors.map((one) => one.startAnswered - one.startCalled),
  );
  add(
    'floorWritten',
    floors.map((one) => one.written - one.startCalled),
  );
  for (const part of PARTS)
    add(
      part,
      measured.map((one) => one.partsMs[part]),
    );
  add(
    'startAnswered',
    measured.map((one) => one.answeredMs).filter((ms) => !Number.isNaN(ms)),
  );
  figures[`${pace}.statements.least`] = Math.min(...measured.map((one) => one.statements));
  figures[`${pace}.statements.most`] = Math.max(0, ...measured.map((one) => one.statements));
  figures[`${pace}.statements.twoRatio`] = round(measured.filter((one) => one.statements === 2).length / Math.max(1, measured.length));
  figures[`${pace}.statementsBeforeStart.most`] = Math.max(0, ...measured.map((one) => one.statementsBeforeStart));
  figures[`${pace}.socketsBeforeStart.most`] = Math.max(0, ...measured.map((one) => one.socketsBeforeStart));
  return figures;
}
