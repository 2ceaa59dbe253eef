/**
 * What the design promises and this build does not enforce yet. Shown in `keelson status`, so that nobody relies on a
 * check that has no real input.
 */
export const NOT_ENFORCED: readonly string[] = [
  'the account watch’s own direct kill, should the kill workflow not run within 5 s of its latch (P26)',
  'runbook of a disconnected venue (the account watch pauses the account: entries stop, what is held keeps its stops)',
  'kill switch and four-eyes re-arming (a latch row stops every order, but no command sets one yet)',
  'share of the request weight that trading may use, where the venue does not tell its use (kraken)',
];
