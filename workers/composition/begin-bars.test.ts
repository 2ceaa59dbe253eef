import type { Client } from '@temporalio/client';
import { expect, it } from 'vitest';
import { beginBars } from './begin-bars.js';
import { CALL_MS } from './told.js';

const NOW = 1_000;

it('each is begun by itself, once, within a bound: one that Temporal does not answer keeps no other', async () => {
  const [started, begun, deadlines]: [string[], string[], number[]] = [[], [], []];
  let giveUp = (): void => undefined;
  const hangs = new Promise<never>((_, reject) => (giveUp = () => reject(new Error('deadline'))));
  const client = {
    withDeadline: (deadline: number, work: () => Promise<unknown>) => (deadlines.push(deadline), work()),
    workflow: {
      start: (_: string, { workflowId }: { workflowId: string }) => (
        started.push(workflowId),
        workflowId.includes('first') ? hangs : Promise.resolve()
      ),
    },
  } as unknown as Client;
  const failed: string[] = [];
  const beginnings = {
    begin: (what: string, work: () => Promise<void>) =>
      work().then(
        () => void begun.push(what),
        () => void failed.push(what),
      ),
  };
  const strategies = ['first', 'second', 'second', 'third'].map((account) => ({ account, interval: '1m' }));
  const all = beginBars({ client, clock: () => NOW }, strategies, beginnings);
  await Promise.resolve();
  expect(started).toHaveLength(3);
  giveUp();
  await all;
  expect(begun).toEqual(['the bars of 1m for second', 'the bars of 1m for third']);
  expect(failed).toEqual(['the bars of 1m for first']);
  expect(deadlines).toEqual(Array(3).fill(NOW + CALL_MS));
});
