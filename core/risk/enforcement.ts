/**
 * What the design promises and this build does not enforce yet. Shown in `keelson status`, so that nobody relies on a
 * check that has no real input.
 */
export const NOT_ENFORCED: readonly string[] = [
  'account watch: loss limits, drawdown, silence of the watch',
  'reconciliation before a halt is ended (the halt’s own verification stands in for it)',
  'a clean check before entries of a worker that had lost the database for more than 5 s',
  'order rate limits, repeated-execution throttle, trading hours',
  'limits per venue and per strategy',
];
