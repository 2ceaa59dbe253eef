import { expect, it } from 'vitest';
import type { DrawdownFacts, DrawdownStore } from '../../ports/drawdown.js';
import { createLookBack } from './look-back.js';

const FACTS: DrawdownFacts = {
  ...{ account: 'main', latchId: 'l', reason: 'a drawdown', now: 1_000, isStanding: true, engagedTime: 0, partTime: 1_000 },
  ...{ kill: { phase: 'running', verifiedTime: null, hasEvidence: false }, evidence: null, incidentId: null, totals: null, givenUp: null },
};

it('waits for the halt no longer than its part goes on', async () => {
  const over = new AbortController();
  let looks = 0;
  const lookBack = createLookBack({
    drawdowns: { read: () => Promise.resolve(FACTS) } as Partial<DrawdownStore> as DrawdownStore,
    files: { write: () => Promise.reject(new Error('nothing is written')) },
    pause: () => {
      looks += 1;
      if (looks === 3) over.abort(new Error('it was not done in time'));
      return looks > 9 ? Promise.reject(new Error('it goes on')) : Promise.resolve();
    },
    stopping: new AbortController().signal,
  });
  await expect(lookBack.awaitKill('r', over.signal)).rejects.toThrow('it was not done in time');
  expect(looks).toBe(3);
});

it('waits for the halt no longer than until a person has given the run up', async () => {
  let facts = FACTS;
  let looks = 0;
  const lookBack = createLookBack({
    drawdowns: { read: () => Promise.resolve(facts) } as Partial<DrawdownStore> as DrawdownStore,
    files: { write: () => Promise.reject(new Error('nothing is written')) },
    pause: () => {
      looks += 1;
      if (looks === 3) facts = { ...facts, givenUp: { subject: 'olga', reason: 'enough' } };
      return Promise.resolve();
    },
    stopping: new AbortController().signal,
  });
  await expect(lookBack.awaitKill('r')).rejects.toThrow('given up by olga: enough');
  expect(looks).toBe(3);
});
