import { expect, it } from 'vitest';
import { asLine, asText } from './faults.js';
import type { Outcome } from './matrix/run.js';

const VERDICT = {
  name: 'dropReply@submit#2',
  struck: 1,
  outcomes: ['filled'],
  stops: ['STOP_LOSS'],
  violations: ['an order was doubled'],
  durationMs: 5,
};
const OUTCOME: Outcome = {
  seed: 7,
  cases: 200,
  again: 2,
  faults: 180,
  cells: 67,
  idle: ['loseFrame@stop'],
  coverage: { dropReply: { submit: 3, lookUp: 1 }, loseFrame: { stream: 0 } },
  stops: { STOP_LOSS: 90 },
  violations: 1,
  failed: [VERDICT],
  durationMs: 61_000,
};

it('the last line of --json is one object with the figures of the run', () => {
  const line = asLine(OUTCOME);
  expect(line).toMatch(/^[^\n]+\n$/);
  expect(JSON.parse(line)).toEqual({
    cases: 200,
    again: 2,
    faults: 180,
    violations: 1,
    seed: 7,
    cells: 67,
    idle: ['loseFrame@stop'],
    coverage: { dropReply: { submit: 3, lookUp: 1 }, loseFrame: { stream: 0 } },
    stops: { STOP_LOSS: 90 },
    durationMs: 61_000,
  });
});

it('people are told what was violated, and how to see it again', () => {
  expect(asText(OUTCOME, { cases: 200 })).toBe(
    [
      "dropReply@submit#2 (again: npm run faults -- --seed 7 --cases 200 --only 'dropReply@submit#2')",
      '  an order was doubled',
      'struck:',
      '  dropReply: submit 3, lookUp 1',
      '  loseFrame: stream 0',
      'stops: STOP_LOSS 90',
      'never struck: loseFrame@stop',
      '200 and 2 more cases of 67 cells, 180 faults, 1 violations, seed 7, 61 s',
      '',
    ].join('\n'),
  );
});
