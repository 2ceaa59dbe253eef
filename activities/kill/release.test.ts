import { expect, test } from 'vitest';
import type { Released } from '../ports/kill.js';
import { createKillRelease } from './release.js';

const RELEASED: Released = { kind: 'released' };
const LACKING: Released = { kind: 'notClean', found: 'not found clean by a reconciliation: one, two', unreconciled: ['one', 'two'] };
const OPEN: Released = { kind: 'notClean', found: 'open, and not named in the request' };

test.each<[string, readonly Released[], boolean, Released, number, number]>([
  ['nothing is lacking', [RELEASED], true, RELEASED, 1, 0],
  ['something else is in the way', [OPEN], true, OPEN, 1, 0],
  ['one comparison is clean', [LACKING, RELEASED], true, RELEASED, 2, 2],
  ['one comparison has found something', [LACKING, LACKING], false, LACKING, 2, 2],
  ['another has found it clean meanwhile', [LACKING, RELEASED], false, RELEASED, 2, 2],
  ['something has moved after it', [LACKING, LACKING, RELEASED], true, RELEASED, 3, 4],
  ['something moves again and again', [LACKING, LACKING, LACKING], true, LACKING, 3, 4],
])('the end of a halt where %s', async (_, answers, isClean, ends, asked, compared) => {
  const [statements, comparisons]: [string[], string[]] = [[], []];
  const release = createKillRelease(
    {
      async release(latchId) {
        const answer = answers[statements.length];
        statements.push(latchId);
        if (answer === undefined) throw new Error('it is asked too often');
        return answer;
      },
    },
    async (account) => {
      comparisons.push(account);
      return isClean || account !== 'two';
    },
  );
  expect(await release('latch', 'request')).toEqual(ends);
  expect([statements.length, comparisons.length]).toEqual([asked, compared]);
});
