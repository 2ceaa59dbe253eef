/** The streams as the workflows call them; they run for an hour at a time. */
export interface BarStreamActivities {
  /** `interval`: as configured, such as `1s`. */
  streamBars(account: string, interval: string): Promise<void>;
}

export interface AccountStreamActivities {
  streamAccount(account: string): Promise<void>;
}
