import { expect, it } from 'vitest';
import type { CheckFacts } from '../../../core/checks/facts.js';
import type { StatementFacts } from '../../../core/checks/statement.js';
import type { DecimalText } from '../../../core/money/index.js';
import type { AskedRun } from '../../ports/runbook.js';
import { dailyChecks, type CheckReads } from './daily-checks.js';

const LEFT = {
  ...{ differenceId: '12', class: 'balanceMovement', subject: 'balance:USDT', deltas: { USDT: '5' as DecimalText } },
  ...{ leftBy: 'rita', reason: 'a bonus of the venue', leftTime: Date.UTC(2026, 10, 25, 9, 5) },
};
const STATEMENT = {
  ...{ day: '2026-11-26', fills: 0, movements: 0, wrong: [], wrongCount: 0 },
  lines: [{ asset: 'USDT', opening: '100', closing: '100', kept: '100' }],
} as unknown as StatementFacts;

/** What a step of the evening finds, where the venue has 5 USDT more than the books. */
async function evening(step: string, left: readonly (typeof LEFT)[]): Promise<unknown> {
  const reads: Partial<CheckReads> = {
    facts: () => Promise.resolve({ left } as unknown as CheckFacts),
    balances: () => Promise.resolve({ USDT: '105' as DecimalText }),
    statement: () => Promise.resolve({ ...STATEMENT, left }),
    pause: () => Promise.resolve(),
  };
  const { steps } = dailyChecks('eveningChecks', reads as CheckReads);
  return steps.find(({ spec }) => spec.name === step)?.verification?.({ account: 'main' } as AskedRun);
}

it('a difference that nobody has decided fails the statement', async () => {
  expect(await evening('statement', [])).toEqual({
    isFine: false,
    found: 'USDT: the statement closes at 100, the venue has 105',
  });
  expect(await evening('signature', [])).toEqual({ isFine: true });
});

it('one that a person has left as it is is told in the statement, and to whoever signs for all of it', async () => {
  const line = 'difference 12 (balanceMovement balance:USDT, +5 USDT), left as it is by rita at 2026-11-25T09:05Z: a bonus of the venue';
  expect(await evening('statement', [LEFT])).toEqual({ isFine: true, output: { told: expect.stringContaining(line) } });
  expect(await evening('signature', [LEFT])).toEqual({ isFine: true, output: { told: line } });
});

it('looks in the morning whether the chat is read, and only where people may halt from one', async () => {
  const namesOf = (name: 'morningChecks' | 'eveningChecks', reads: Partial<CheckReads>): readonly string[] =>
    dailyChecks(name, reads as CheckReads).steps.map(({ spec }) => spec.name);
  const chat: CheckReads['chat'] = () => Promise.resolve({ state: 'silent', readTime: null, failure: null });
  expect(namesOf('morningChecks', {})).not.toContain('chat');
  // Behind all others, which keep their numbers.
  expect(namesOf('morningChecks', { chat })).toEqual([...namesOf('morningChecks', {}), 'chat']);
  expect(namesOf('eveningChecks', { chat })).toEqual(namesOf('eveningChecks', {}));
  const step = dailyChecks('morningChecks', { chat } as CheckReads).steps.at(-1);
  expect(await step?.verification?.({ account: 'main' } as AskedRun)).toMatchObject({ isFine: false });
});
