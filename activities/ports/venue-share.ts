import type { DividedShare } from '../../core/venue/entry-share.js';

export interface ShareQuestion {
  readonly address: string;
  /** This run of the process. */
  readonly holder: string;
  /** Counts up. */
  readonly question: number;
  /** What all together may enter within a window. */
  readonly total: number;
  readonly used: number;
  readonly held: number;
  readonly keptForMs: number;
  /** The process ends: it wants nothing more, and what it has used is kept until it counts no more. */
  readonly isLast: boolean;
}

export interface VenueShareStore {
  /** One statement. Undefined: a later question was answered before. @throws KeelsonError INFRA_DATABASE */
  take(question: ShareQuestion): Promise<DividedShare | undefined>;
}
