import { KeelsonError } from '../../core/errors.js';
import type { Decision } from '../../core/reconcile/difference.js';
import type { Caller } from '../auth/caller.js';
import { rebuildLedger } from '../ledger/rebuild.js';
import { isTooSlow, type Database } from '../read/database.js';
import { afterCorrection, type Correction } from './correct.js';

interface Answer {
  /** `tooEarly`: the same may be decided when what `why` says is done; `impossible`: only something else may. */
  readonly result: 'done' | 'unknown' | 'notOpen' | 'impossible' | 'tooEarly';
  readonly why?: string;
}

/** `reckon`: it changes a position, and what that comes to is not reckoned in the database. */
type Told = Answer | { readonly result: 'reckon'; readonly correction: Correction };

/** `more`: a part is booked, and the rest is in a statement of its own, so that nothing waits long for the account's locks. */
type ToldPart = Told | { readonly result: 'more' };

interface Found {
  readonly account: string;
  readonly status: string;
  readonly decision: Decision | null;
  readonly decidedBy: string | null;
  readonly isDerived: boolean;
}

export interface DifferenceDecision {
  readonly differenceId: string;
  readonly decision: Decision;
  readonly reason: string;
  /** Whose order it becomes, where it is taken over. */
  readonly strategy?: string | undefined;
}

/** How the database ends a refusal that says what has to be done, or waited for, first. */
export const FIRST = [
  '; compare again',
  ': compare again, and decide `rebuild` for what is told then',
  ', and decide then',
  ': decide when it has ended',
  ': have that written anew first (keelson ledger rebuild)',
  ': cancel that one first, or this one by its number at the venue itself',
] as const;
/** … and how it begins one where several are decided together. */
const ANOTHER_FIRST = /^difference \d+ has to be decided first/;

/** SQLSTATE of a ledger that does not take a part of what would be booked: nothing of it is. */
const LEDGER_REFUSES = 'KE003';
/** While an account trades something may be booked between reading and writing. */
const TRIES = 10;

/**
 * Writes down what a person decides about a difference, under that person's own key, and closes its incident. What has to be
 * done at the venue for it is done by the next reconciliation.
 * @param since from when on a rebuild writes the equity series anew, epoch ms
 * @throws KeelsonError INPUT_UNKNOWN_DIFFERENCE, INPUT_DIFFERENCE_SETTLED, INPUT_DECISION_IMPOSSIBLE, INPUT_DECISION_TOO_EARLY, LEDGER_NOT_REBUILT
 */
export async function decideDifference(
  database: Database,
  caller: Caller,
  wish: DifferenceDecision,
  longReads = database,
  since = 0,
): Promise<void> {
  const { subject, keyId } = caller;
  const { differenceId: difference, decision } = wish;
  const asked = { ...wish, subject, underKey: keyId };
  const answer =
    decision === 'rebuild' ? await rebuild(database, caller, wish, { longReads, since }) : await settle(database, asked, longReads);
  const { result, why = 'it is not' } = isWithoutStrategy(wish, answer) ? WITHOUT_STRATEGY : answer;
  switch (result) {
    case 'done':
      return;
    case 'unknown':
      throw new KeelsonError('INPUT_UNKNOWN_DIFFERENCE', { difference });
    case 'notOpen':
      throw new KeelsonError('INPUT_DIFFERENCE_SETTLED', { difference, status: why });
    case 'tooEarly':
      throw new KeelsonError('INPUT_DECISION_TOO_EARLY', { difference, decision, why });
    case 'impossible':
      if (!saysWhatIsFirst(why)) throw new KeelsonError('INPUT_DECISION_IMPOSSIBLE', { difference, decision, why });
      throw new KeelsonError('INPUT_DECISION_TOO_EARLY', { difference, decision, why: withCommand(why) });
  }
}

const WITHOUT_STRATEGY: Answer = { result: 'tooEarly', why: 'say whose order it becomes (--strategy <name>)' };
/** No decision is right then either: whoever left it out is to name it. */
const isWithoutStrategy = ({ strategy, decision }: DifferenceDecision, { result, why = '' }: Answer): boolean =>
  decision === 'adopt' && strategy === undefined && result === 'impossible' && why.startsWith('no strategy does not trade ');

const saysWhatIsFirst = (why: string): boolean => FIRST.some((end) => why.endsWith(end)) || ANOTHER_FIRST.test(why);
const withCommand = (why: string): string =>
  why.replace(/; compare again$/, ': compare again (keelson reconcile run), and decide what stands then');

/** All that is derived in the account, since the one follows from the other; it decides every difference that is about that. */
async function rebuild(
  database: Database,
  caller: Caller,
  { differenceId, reason }: DifferenceDecision,
  { longReads, since }: { readonly longReads: Database; readonly since: number },
): Promise<Answer> {
  const { rows } = await database.query<Found>(
    `select account, status, decision, decided_by as "decidedBy", is_of_derived(class, subject) as "isDerived"
     from reconciliation_differences where difference_id = $1`,
    [differenceId],
  );
  const [found] = rows;
  if (found === undefined) return { result: 'unknown' };
  if (found.decision === 'rebuild' && found.decidedBy === caller.subject) return { result: 'done' };
  if (found.status !== 'open') return { result: 'notOpen', why: found.status };
  if (!found.isDerived) return { result: 'impossible', why: 'it is not about what the ledger derives from its entries' };
  const { decided } = await rebuildLedger(longReads, caller, { account: found.account, reason, since });
  // Else somebody has decided it meanwhile.
  return decided.includes(differenceId) ? { result: 'done' } : { result: 'notOpen', why: 'decided' };
}

async function settle(database: Database, asked: object, longReads: Database): Promise<Answer> {
  try {
    return await settled(database, asked, longReads);
  } catch (error) {
    if (!isTooSlow(error)) throw error;
    return {
      result: 'tooEarly',
      why: 'the database took too long for it: try again when it has less to do; what is booked of it by then stays so',
    };
  }
}

async function settled(database: Database, asked: object, longReads: Database): Promise<Answer> {
  let told = await ask(database, asked);
  for (let count = 0; told.result === 'reckon' && count < TRIES; count += 1) {
    const { correction } = told;
    const position = await afterCorrection(longReads, correction);
    told = await ask(database, { ...asked, position, lastBooking: correction.lastBooking });
  }
  if (told.result !== 'reckon') return told;
  return { result: 'tooEarly', why: 'something was booked each time while it was reckoned: pause the account, and try again' };
}

async function ask(database: Database, asked: object): Promise<Told> {
  try {
    for (;;) {
      const { rows } = await database.query<{ answer: ToldPart }>('select decide_difference($1::jsonb) as answer', [JSON.stringify(asked)]);
      const { answer: told = { result: 'unknown' } as const } = rows[0] ?? {};
      if (told.result !== 'more') return told;
    }
  } catch (error) {
    const { code, message } = error as { code?: unknown; message?: string };
    if (code === LEDGER_REFUSES) return { result: 'impossible', why: message ?? 'the ledger refuses it' };
    throw error;
  }
}
