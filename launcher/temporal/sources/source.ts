import type { TemporalBinary } from '../start.js';

/** One place where a server program may be had. */
export interface BinarySource {
  /** How the table names it, for instance `temporal on PATH`. */
  readonly name: string;
  /** Finds or makes the program. It keeps to its own time limits. */
  find(progress: (step: SourceStep) => void): Promise<Outcome>;
}

/** Something long that goes on: a download, a build. */
export interface SourceStep {
  readonly message: string;
  readonly done?: number;
  /** About how many there will be. */
  readonly total?: number;
}

export type Outcome = { readonly binary: TemporalBinary } | Refusal;

/** Why a source gave nothing, and what a person could do so that it does. */
export interface Refusal {
  readonly whyNot: string;
  readonly whatToDo: string;
}
