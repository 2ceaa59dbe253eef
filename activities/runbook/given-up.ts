import type { GivenUp } from '../ports/runbook.js';

/** What a part that waits ends with as soon as it sees that a person has given its run up. */
export function givenUp({ subject, reason }: GivenUp): Error {
  return new Error(`given up by ${subject}: ${reason}`);
}
