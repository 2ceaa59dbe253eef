/** What the ledger's database says of itself when it is asked. */
export interface LedgerAnswer {
  /** The database's clock, epoch ms. */
  readonly databaseTime: number;
  /** When the check of ledger against venue began that found an account clean last, by the same clock; absent: none did. */
  readonly cleanSince: Readonly<Record<string, number>>;
}

export interface ClearanceStore {
  /** One statement. @throws KeelsonError INFRA_DATABASE. */
  ask(): Promise<LedgerAnswer>;
}
