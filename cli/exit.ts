/** Exit codes of the command line, after sysexits where it has one. */
export const EXIT = {
  done: 0,
  refused: 1,
  usage: 2,
  /** `ledger verify` has found something that is stored and does not follow from its entries. */
  differs: 3,
  unreachable: 69,
  /** `kill --direct` was ended before the halt was written. */
  unlatched: 75,
  /** … or before the venue had shown the target twice, or has no account under it. */
  unverified: 76,
  configuration: 78,
} as const;
export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

/** Ends a command with a message for people and a code for programs. */
export class CommandFailure extends Error {
  readonly exitCode: ExitCode;
  /** The same for `--json`. */
  readonly problem: Readonly<Record<string, unknown>>;
  constructor(exitCode: ExitCode, message: string, problem: Readonly<Record<string, unknown>> = {}) {
    super(message);
    this.name = 'CommandFailure';
    this.exitCode = exitCode;
    this.problem = { detail: message, ...problem };
  }
}
