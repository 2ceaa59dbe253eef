/** What a person asks of an account's trading mode. */
export interface ControlCommand {
  readonly commandId: string;
  readonly account: string;
  readonly kind: 'pause' | 'resume';
  readonly subject: string;
  readonly reason: string;
}

/** Has a recorded command carried out. */
export interface ControlPort {
  /**
   * Returns when the command is in force. Asking again with the same command id changes nothing and returns the same.
   * @throws KeelsonError INFRA_TEMPORAL when no answer came in time: the command stays recorded and may be repeated.
   */
  execute(command: ControlCommand): Promise<void>;
  /** Whether Temporal answers. @throws when it does not. */
  check(): Promise<void>;
  close(): Promise<void>;
}
