/** What a transaction wanted done outside the database. */
export interface OutboxRow {
  readonly id: string;
  readonly kind: string;
  readonly data: unknown;
}

/** The outbox table (protocol, Rows). A claim ends by itself: the rows of a drainer that died are claimed by another. */
export interface OutboxStore {
  /** Claims the oldest open rows of these kinds, oldest first. @throws KeelsonError INFRA_DATABASE */
  claim(kinds: readonly string[], most: number, forMs: number): Promise<readonly OutboxRow[]>;
  finish(ids: readonly string[]): Promise<void>;
  /** Calls `onRow` when rows may have come, and after each time that it could not have heard of them. @returns stops. */
  listen(onRow: () => void): () => Promise<void>;
}
