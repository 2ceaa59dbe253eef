import type { AccountStatus } from '../api/read/accounts.js';
import type { Shown } from './command.js';
import { EXIT } from './exit.js';
import { harmless } from './terminal.js';

type Halt = Pick<AccountStatus['latches'][number], 'latchId' | 'scope' | 'scopeValue' | 'subject' | 'reason'>;

/** What a command about an account's mode was answered. */
export interface ChangedMode {
  readonly account: string;
  readonly mode: AccountStatus['mode'];
  /** Left out by an API of a build before 0.4. */
  readonly latches?: readonly Halt[];
}

/** `halted (account main) by rik: a spread`. */
export function haltedBy({ scope, scopeValue, subject, reason }: Halt): string {
  return `halted (${[scope, scopeValue].join(' ').trim()}) by ${subject}: ${reason}`;
}

/** What to type where a halt is in the way. */
export function endHalt(halts: readonly Halt[]): string {
  const [one, ...others] = halts;
  const which = one === undefined || others.length > 0 ? '<halt>' : one.latchId;
  return `keelson halts tells how far it is; ending it takes two people: keelson rearm ${which} --reason …`;
}

/**
 * What came of a change of mode. Under a halt over the whole account nothing goes on, whatever its mode: who wanted that is told so,
 * by the exit code too.
 * @param isToGoOn whether the command was to let the account do something
 */
export function changedMode(data: ChangedMode, isToGoOn: boolean): Shown {
  const { account, mode, latches = [] } = data;
  const name = harmless(account);
  const halts = latches.map((halt) => `  ${harmless(haltedBy(halt))}\n`).join('');
  if (latches.length === 0) return { data, text: `${name} is in mode ${mode}.\n` };
  if (mode !== 'killed' || !isToGoOn) {
    // The rest of the account goes on, which may be nothing: its only strategy may be what is halted.
    const rest = isToGoOn ? `What is halted does not go on: ${harmless(endHalt(latches))}\n` : '';
    return { data, text: `${name} is in mode ${mode}. A halt stands over it:\n${halts}${rest}` };
  }
  const text = `NOTHING GOES ON: ${name} is halted. The mode that was set counts when the halt has ended.\n${halts}${harmless(endHalt(latches))}\n`;
  return { data, text, exitCode: EXIT.refused };
}

/** What a halt means for whoever stops: it stands over the restart, and meanwhile nobody carries it out or keeps stops. */
export function underHalts(accounts: readonly { readonly account: string; readonly latches: readonly Halt[] }[]): string {
  const halted = accounts.filter(({ latches }) => latches.length > 0);
  if (halted.length === 0) return '';
  const lines = halted.flatMap(({ account, latches }) => latches.map((latch) => `${harmless(`${account}: ${haltedBy(latch)}`)}\n`));
  const all = new Map(halted.flatMap(({ latches }) => latches).map((latch) => [latch.latchId, latch]));
  return `${lines.join('')}A halt stands over a stop and the next start. While nothing runs nobody sells, cancels or keeps stops under it: stop once keelson halts says verified. ${endHalt([...all.values()])}\n`;
}
