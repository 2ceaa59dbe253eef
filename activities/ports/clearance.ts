/** What the ledger's database says of itself, and of the worker that asks, when it is asked. */
export interface LedgerAnswer {
  /** The database's clock, epoch ms. */
  readonly databaseTime: number;
  /** When the check of ledger against venue began that found an account clean last, by the same clock; absent: none did. */
  readonly cleanSince: Readonly<Record<string, number>>;
  /** When a worker of this name had its ledger again after it, or one before it, had lost it; null: none had. */
  readonly doubtSince: number | null;
}

/** Each method is one statement. @throws KeelsonError INFRA_DATABASE. */
export interface ClearanceStore {
  /** Also writes down that the worker has its ledger. */
  ask(): Promise<LedgerAnswer>;
  /** The worker ends in order. */
  end(): Promise<void>;
}
