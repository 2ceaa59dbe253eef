import { describe, expect, it } from 'vitest';
import type { Events } from '../ports/store.js';
import type { OrderDependencies } from './dependencies.js';
import { createProtection } from './protect.js';
import { AccountQueues } from './write-verdict.js';

const KEY = { account: 'main', strategy: 'momentum', instrument: 'BTC/USDT' };

describe('people are told once of each cause', () => {
  const keysOf = async (pages: readonly (readonly [typeof KEY, string, object])[]): Promise<string[]> => {
    const keys: string[] = [];
    const store = {
      openIncident: async ({ incidents = [] }: Events) => {
        keys.push(...incidents.map(({ key }) => key));
      },
    };
    const protection = createProtection({ store } as unknown as OrderDependencies, {} as never, new AccountQueues());
    for (const [key, cause, detail] of pages) await protection.page(key, cause, detail);
    return keys;
  };
  const denied = { codes: ['RISK_VENUE_CLOSED'], stops: 1, escapes: 0, entered: 1 };

  it('the same of the same position is one, however often a run begins anew', async () => {
    const [one, again] = await keysOf([
      [KEY, 'protectionDenied', denied],
      [{ ...KEY }, 'protectionDenied', { ...denied }],
    ]);
    expect(again).toBe(one);
  });

  it.each<readonly [string, typeof KEY, string, object]>([
    ['another stop of it', KEY, 'protectionDenied', { ...denied, stops: 2 }],
    ['another escape of it', KEY, 'protectionDenied', { ...denied, escapes: 1 }],
    ['another position, opened later', KEY, 'protectionDenied', { ...denied, entered: 2 }],
    ['another code', KEY, 'protectionDenied', { ...denied, codes: ['RISK_KILLED'] }],
    ['another cause', KEY, 'escapeStuck', denied],
    ['another strategy', { ...KEY, strategy: 'mean' }, 'protectionDenied', denied],
    ['another instrument', { ...KEY, instrument: 'ETH/USDT' }, 'protectionDenied', denied],
    ['another account', { ...KEY, account: 'desk' }, 'protectionDenied', denied],
  ])('%s is told anew', async (_, key, cause, detail) => {
    const keys = await keysOf([
      [KEY, 'protectionDenied', denied],
      [key, cause, detail],
    ]);
    expect(new Set(keys).size).toBe(2);
  });
});
