import { expect, it } from 'vitest';
import { keelsonBefore } from '../test/support/stub-api.js';

const RUN = {
  ...{ runId: 'r', account: 'main', scope: 'minute', startedTime: 1_000, result: 'clean', detail: null, looks: 1, calls: 4, weight: 23 },
  ...{ fillsRead: 2, rowsRead: 5, subject: null },
};

it('reconcile list tells how long each comparison took, and nothing of one that is at work', async () => {
  const runs = [
    { ...RUN, endedTime: 2_234 },
    { ...RUN, startedTime: 5_000, endedTime: 5_000 },
    { ...RUN, scope: 'hour', result: null, endedTime: null },
  ];
  const { exitCode, out } = await keelsonBefore({ 'GET /v1/reconciliations': { runs, differences: [] } }, 'reconcile', 'list');
  expect(exitCode).toBe(0);
  const [head = '', ...lines] = out.split('\n');
  const columns = head.trim().split(/ {2,}/);
  expect(columns).toEqual(['when', 'account', 'why', 'result', 'calls', 'weight', 'read', 'took', 'detail']);
  expect(lines.slice(0, 2).map((line) => line.trim().split(/ {2,}/).slice(2))).toEqual([
    ['minute', 'clean', '4', '23', '7', '1234 ms'],
    ['minute', 'clean', '4', '23', '7', '0 ms'],
  ]);
  expect(lines[2]?.trim().split(/ {2,}/).slice(2)).toEqual(['hour', 'running', '4', '23', '7']);
  expect(out).toContain('No difference stands.');
});
