import { unverifiedText } from '../../core/kill/verify.js';
import type { KillLatch } from '../../core/kill/view.js';
import type { KillState } from './messages.js';

/** What the page of a kill shows: why, how far, and what is missing. */
export function describeKill(account: string, latches: readonly KillLatch[], state: KillState): string {
  const { phase, doing, unverified, dust, kept, evidence } = state;
  return [
    `**${account} is halted: ${phase}** (${doing})`,
    ...latches.map(({ scope, scopeValue, policy, subject, reason }) => {
      const held = policy === 'atOnce' ? 'what is held leaves at once' : 'what is held stays with its stops';
      return `- latch over ${[scope, scopeValue].join(' ').trim()} by ${subject}: ${reason} (${held})`;
    }),
    ...(unverified.length > 0 ? ['Not verified yet:', ...unverified.map((one) => `- ${unverifiedText(one)}`)] : []),
    ...(dust.length > 0 ? ['Dust, less than the venue takes:', ...dust.map((one) => `- ${one.quantity} ${one.instrument}`)] : []),
    ...(kept.length > 0 ? [`Stops that stay: ${kept.length}`] : []),
    ...(evidence === null ? [] : [`Evidence: \`${evidence.path}\`, sha256 \`${evidence.sha256}\``]),
  ].join('\n\n');
}
