import { expect, it } from 'vitest';
import type { KillDependencies } from './dependencies.js';
import { createKillActivities, type KillActivities } from './index.js';

it.each<keyof KillActivities>(['killLatches', 'killCancel', 'killFlatten', 'killTendStops', 'killVerify', 'killEscalate', 'killConclude'])(
  'P26: %s says that somebody is at it, whatever becomes of it',
  async (name) => {
    const touched: string[] = [];
    const away = (): Promise<never> => Promise.reject(new Error('away'));
    const kills = { touchKill: async (account: string) => void touched.push(account), readKill: away, evidence: away, dropLease: away };
    const given = {
      kills: { ...kills, ordersAs: () => ({}) },
      store: { openIncident: away },
      venueOf: () => ({}),
      newId: () => 'me',
      clock: () => 0,
      files: {},
    };
    const activities = createKillActivities(given as unknown as KillDependencies, away);
    const step = activities[name] as (...values: unknown[]) => Promise<unknown>;
    await step('main', 1, {}).catch(() => undefined);
    expect(touched).toEqual(['main']);
  },
);
