import type { OutageFacts } from '../../core/outage/steady.js';

/** Why an account goes on after an outage, or does not. */
export type ResumeResult =
  | 'resumed'
  | 'going'
  | 'personsPause'
  /** Paused by the watch, but before the venue was lost. */
  | 'before'
  /** The run was ended, or given up by a person. */
  | 'givenUp'
  | 'halted'
  | 'notSteady'
  | 'notReconciled'
  | 'differences'
  | 'repeated';

/** The rows of an outage, by the run that treats it. Every method is one statement. @throws KeelsonError INFRA_DATABASE. */
export interface OutageStore {
  /** @throws KeelsonError INPUT_UNKNOWN_RUN where the run has no outage */
  read(runId: string): Promise<OutageFacts>;
  /** Entries stop, where a person has let them go on too early. */
  freeze(runId: string): Promise<void>;
  noteTry(runId: string, outcome: { readonly hasAnswered: boolean; readonly detail: string | null }): Promise<void>;
  /** Raises a critical alert, once for each `about`. */
  page(runId: string, about: string, detail: string): Promise<void>;
  /** Ends the pause that the outage has caused, and no other; `lifts`: classes of differences after which the account goes on by itself. */
  resume(runId: string, rules: { readonly lifts: readonly string[]; readonly repeatedWithinMs: number }): Promise<ResumeResult>;
  report(runId: string): Promise<void>;
}
