/** Which guardians wait for Temporal, for everybody to see. */
export interface TemporalWaitStore {
  /** This one does, still. Who has done so for a while is told to people, once for each time. */
  tell(guardian: string): Promise<void>;
  /** It does no more. */
  end(guardian: string): Promise<void>;
}
