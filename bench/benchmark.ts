/** The machine that a figure belongs to. */
export interface Machine {
  readonly cpu: string;
  readonly cores: number;
  readonly node: string;
  /** Load average of the minute before: with more than a little, figures are of a busy machine. */
  readonly loadBefore: number;
}

/** What one benchmark found: an object a line with `--json`. A figure is told, never asserted. */
export interface Finding {
  readonly name: string;
  readonly figures: Readonly<Record<string, number>>;
  /** The same work without ours, where there is such a thing; else null. */
  readonly floor: number | null;
  readonly ratio: number | null;
  readonly goal: string;
  readonly met: boolean;
  readonly machine: Machine;
}

/** A smaller run than the benchmark's own: its figures are no proof of the goal. */
export interface Size {
  readonly seconds?: number;
  readonly orders?: number;
}

export interface Benchmark {
  readonly name: string;
  readonly summary: string;
  /** Figures that the page shows; `--json` has them all. */
  readonly headline: readonly string[];
  run(size: Size): Promise<Finding>;
}
