/**
 * What the design promises and this build does not enforce yet. Shown in `keelson status`, so that nobody relies on a
 * check that has no real input.
 */
export const NOT_ENFORCED: readonly string[] = [
  'keys that may withdraw are refused at start-up only where the venue tells what a key may do (kraken: by its documentation, not tried there)',
  'share of the request weight that trading may use, where the venue does not tell its use (kraken)',
];
