import type { FlattenPolicy, Latch } from './mode.js';

/** What a person asks for in a chat. */
export type ChatCommand =
  | { readonly kind: 'kill'; readonly scope: Latch; readonly policy: FlattenPolicy }
  | { readonly kind: 'confirm'; readonly code: string }
  | { readonly kind: 'malformed' };

export const CHAT_USAGE = [
  '/kill everything',
  '/kill account main',
  '/kill venue kraken',
  '/kill strategy momentum [account]',
  '/kill instrument BTC/USDT [account]',
  'and at the end "sell": what is held is sold, too',
].join('\n');

const SELL = 'sell';

/**
 * Reads one message. A command may be addressed to a bot by name, as in groups. @returns undefined for what is none of ours,
 * so that people may talk where the bot listens.
 */
export function parseChatCommand(text: string): ChatCommand | undefined {
  const [command = '', ...words] = text.trim().split(/\s+/);
  const name = command.replace(/@\w+$/, '').toLowerCase();
  if (name === '/confirm') return words.length === 1 ? { kind: 'confirm', code: words[0] ?? '' } : { kind: 'malformed' };
  if (name !== '/kill') return undefined;
  const sells = words.at(-1)?.toLowerCase() === SELL;
  const scope = scopeOf(sells ? words.slice(0, -1) : words);
  return scope === undefined ? { kind: 'malformed' } : { kind: 'kill', scope, policy: sells ? 'atOnce' : 'none' };
}

function scopeOf([kind = '', scopeValue = '', account, ...more]: readonly string[]): Latch | undefined {
  const scope = kind.toLowerCase();
  if (more.length > 0) return undefined;
  if (scope === 'everything') return scopeValue === '' ? { scope, scopeValue } : undefined;
  if (scopeValue === '') return undefined;
  if (scope === 'account' || scope === 'venue') return account === undefined ? { scope, scopeValue } : undefined;
  if (scope !== 'strategy' && scope !== 'instrument') return undefined;
  return account === undefined ? { scope, scopeValue } : { scope, scopeValue, account };
}
