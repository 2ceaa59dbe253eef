import type { Mode } from '../../core/control/mode.js';
import type { UnusableState } from '../../core/people/approvals.js';
import { invariant } from '../../core/errors.js';
import { beating } from '../beating.js';
import { mapped } from '../failures.js';
import type { ControlStore } from '../ports/store.js';

export interface ChangedMode {
  readonly account: string;
  readonly mode: Mode;
  readonly subject: string;
  readonly reason: string;
  readonly changedTime: number;
}

export interface ControlActivities {
  changeMode(input: {
    readonly account: string;
    readonly kind: 'pause' | 'resume' | 'mode';
    readonly commandId: string;
  }): Promise<
    | { readonly kind: 'changed'; readonly change: ChangedMode }
    | { readonly kind: 'noCommand' }
    | { readonly kind: 'notApproved'; readonly state: UnusableState }
    | { readonly kind: 'moved'; readonly mode: Mode; readonly version: string }
    | { readonly kind: 'notReconciled'; readonly found: string }
    | { readonly kind: 'lossStands'; readonly found: string }
    | { readonly kind: 'keyWithdraws'; readonly venue: string }
  >;
}

const MODE_OF = { pause: { mode: 'paused' }, resume: { mode: 'normal' }, mode: {} } as const satisfies Record<string, { mode?: Mode }>;

/** A resume waits no longer for a venue that does not tell. */
const KEY_ANSWER_MS = 2_000;
/** … nor for a comparison, which looks twice, with a pause. */
const COMPARED_MS = 15_000;

/**
 * @param canWithdraw what a venue tells of the key of an account; undefined: it does not tell. A venue that cannot be asked stands in no
 * resume's way: nothing is entered there either.
 * @param compare compares an account with its venue now. Who resumes need not know that what the account goes on by is a comparison of now.
 */
export function createControlActivities(
  store: ControlStore,
  canWithdraw: (account: string) => Promise<boolean | undefined>,
  compare: (account: string) => Promise<unknown>,
): ControlActivities {
  return {
    changeMode: mapped(
      beating(async ({ account, kind, commandId }) => {
        const command = { account, commandId, kind, ...MODE_OF[kind], asksKey: true };
        let answer = await store.applyModeCommand(command);
        if (answer.kind === 'notReconciled') {
          await within(COMPARED_MS, compare(account));
          answer = await store.applyModeCommand(command);
        }
        if (answer.kind === 'askKey') {
          const keyWithdraws = (await within(KEY_ANSWER_MS, canWithdraw(account))) ?? null;
          answer = await store.applyModeCommand({ ...command, keyWithdraws });
          invariant(answer.kind !== 'askKey', 'what the venue has told is not asked for again');
        }
        if (answer.kind !== 'applied') return answer;
        const { mode, subject, reason, changedTime } = answer;
        return { kind: 'changed' as const, change: { account, mode, subject, reason, changedTime } };
      }),
    ),
  };
}

/** Undefined where it takes longer, or fails. */
async function within<T>(ms: number, asked: Promise<T>): Promise<T | undefined> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<undefined>((resolve) => (timer = setTimeout(() => resolve(undefined), ms)));
  return Promise.race([asked.catch(() => undefined), late]).finally(() => clearTimeout(timer));
}
