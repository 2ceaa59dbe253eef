import type { Decision, DifferenceClass } from './difference.js';

/** One difference that was a person's while an account was paused for it. */
export interface EpisodeDifference {
  readonly differenceId: string;
  readonly class: DifferenceClass;
  readonly subject: string;
  readonly status: 'pending' | 'open' | 'decided' | 'settled' | 'repaired' | 'closed';
  readonly incidentId?: string;
  /** Of what its incident keeps of both sides. */
  readonly sha256?: string;
  readonly decision?: Decision;
  readonly decidedBy?: string;
  readonly reason?: string;
}

/** A pause of an account by a reconciliation, from what it was found for to where it goes on. */
export interface Episode {
  readonly mode: string;
  /** In words, where a halt stands over the account. */
  readonly halt: string | null;
  /** Which mode it was in before; null: it is not held any more. */
  readonly was: string | null;
  readonly isHeld: boolean;
  /** A comparison that began after all of it has found the account clean. */
  readonly isClean: boolean;
  readonly differences: readonly EpisodeDifference[];
  /** Every change of the mode since, oldest first. */
  readonly modes: readonly { readonly mode: string; readonly was?: string; readonly by?: string; readonly reason?: string }[];
}

/** Lines stand on a page that people read on a telephone. */
const MOST_LINES = 20;

const nameOf = ({ differenceId, class: what, subject }: EpisodeDifference): string => `${differenceId} ${what} \`${subject}\``;

function lines<T>(of: readonly T[], line: (one: T) => string): string {
  const more = of.length > MOST_LINES ? [`… and ${of.length - MOST_LINES} more`] : [];
  return [...of.slice(0, MOST_LINES).map(line), ...more].join('\n');
}

export const openOf = ({ differences }: Episode): readonly EpisodeDifference[] => differences.filter(({ status }) => status === 'open');

/** What waits for a person, in words; undefined: nothing does. */
export function waitingOf(episode: Episode): string | undefined {
  const open = openOf(episode);
  if (open.length === 0) return undefined;
  const [first] = open;
  return `${open.length} to decide, the first is ${first?.differenceId} (${first?.class}): keelson reconcile show ${first?.differenceId}`;
}

/** Both sides as they were kept, by their hashes. */
export const snapshotLines = ({ differences }: Episode): string =>
  lines(differences, (one) => `${nameOf(one)}: incident ${one.incidentId ?? '–'}, sha256 ${one.sha256?.slice(0, 12) ?? '–'}`);

export const openLines = (episode: Episode): string => lines(openOf(episode), (one) => `${nameOf(one)}: incident ${one.incidentId ?? '–'}`);

/** What became of each: decided by whom, and why; or gone by itself. */
export const decisionLines = ({ differences }: Episode): string =>
  lines(differences, (one) => {
    if (one.decision === undefined) return `${nameOf(one)}: ${one.status}`;
    return `${nameOf(one)}: **${one.decision}** by ${one.decidedBy ?? 'nobody'} (${one.reason ?? ''})`;
  });

export const modeLines = ({ modes }: Episode): string =>
  lines(modes, ({ mode, was, by, reason }) => `${was ?? 'before'} → **${mode}** by ${by ?? 'nobody'} (${reason ?? ''})`);
