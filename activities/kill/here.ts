import { isEscalationDue } from '../../core/kill/pace.js';
import type { MissingKill } from '../ports/watch.js';
import { createKillEscalate } from './conclude.js';
import type { KillDependencies } from './dependencies.js';
import { killDirectly, type DirectRun } from './direct.js';

/**
 * The kill of an account in a guardian's own process, for as long as no workflow carries it out (P26): people are told as by the workflow.
 * Two guardians that do it at once tell once: both know since when it was left alone.
 */
export async function killHere(
  dependencies: KillDependencies,
  account: string,
  { scope, since }: MissingKill,
  { say, stopping }: Pick<DirectRun, 'say' | 'stopping'>,
): Promise<void> {
  const escalate = createKillEscalate(dependencies);
  const began = dependencies.clock();
  let escalations = 0;
  await killDirectly(dependencies, account, {
    ...{ scope: { scope }, say, stopping },
    looked: async ({ unverified }) => {
      if (unverified.length === 0 || !isEscalationDue(dependencies.clock(), { since: began, escalations })) return;
      escalations += 1;
      // Whoever cannot be told keeps nothing from being sold.
      await escalate(account, escalations, { unverified, since }).catch((error: unknown) => say(`people are not told: ${String(error)}`));
    },
  });
}

/** Says of a halt what differs from what was said of it last: a guardian looks at one again and again, and each time begins anew. */
export function saidOnce(say: (line: string) => void): (of: string) => (line: string) => void {
  let last: string | undefined;
  return (of) => (line) => {
    const said = `${of} ${line}`;
    if (said !== last) say(line);
    last = said;
  };
}
