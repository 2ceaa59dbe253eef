/**
 * A trained model that gates entries, loaded, checked and warm. Everything but the score is known from its file's
 * metadata.
 */
export interface EntryModel {
  /** SHA-256 of the file's bytes, hex; written beside every score that it gave. */
  readonly hash: string;
  /** The least score at which an entry is taken, as training chose it; 0–1. */
  readonly threshold: number;
  readonly featureNames: readonly string[];
  /** First and last day of the training window, ISO dates. */
  readonly trainedFrom: string;
  readonly trainedTo: string;
  /**
   * Probability that an entry earns more than its fees, 0–1.
   * @param features in the order of `featureNames`.
   * @throws RangeError when their number is another.
   */
  score(features: readonly number[]): Promise<number>;
}
