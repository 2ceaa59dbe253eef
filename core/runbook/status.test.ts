import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { refusalOf, RUN_COMMANDS, RUN_STATUSES, type Progress, type RunCommandKind } from './status.js';

const at = (change: Partial<Progress>): Progress => ({ status: 'running', position: 2, waitingFor: null, isPaused: false, ...change });
const failed = at({ status: 'waitingForPerson', waitingFor: 'failed' });
const unsigned = at({ status: 'waitingForPerson', waitingFor: 'signature' });

it.each<[RunCommandKind, number | null, Progress, string | null]>([
  ['pause', null, at({}), null],
  ['pause', null, at({ status: 'paused', isPaused: true }), 'it is paused already'],
  ['pause', null, failed, null],
  ['pause', null, at({ status: 'waitingForApproval' }), 'it has not begun'],
  ['resume', null, at({ status: 'paused', isPaused: true }), null],
  // Its step has not ended yet.
  ['resume', null, at({ isPaused: true }), null],
  ['resume', null, at({}), 'it is not paused'],
  ['retry', 2, failed, null],
  ['retry', 1, failed, 'it waits at step 3, not at 2'],
  ['retry', 2, unsigned, 'no step of it has failed'],
  ['skip', 2, failed, null],
  ['skip', 2, unsigned, null],
  ['skip', 2, at({}), 'no step of it has failed'],
  ['sign', 2, unsigned, null],
  ['sign', 2, failed, 'no signature is waited for'],
  ['sign', 3, unsigned, 'it waits at step 3, not at 4'],
  ['abort', null, failed, null],
  ['abort', null, at({ status: 'waitingForApproval' }), null],
  ['abort', null, at({ status: 'undoing' }), 'it is taking its steps back already'],
  ['abort', null, at({ status: 'completed' }), 'it is completed'],
])('%s of step %s', (kind, position, progress, expected) => expect(refusalOf(kind, position, progress)).toBe(expected));

describe('properties', () => {
  const progress = fc.record<Progress>({
    status: fc.constantFrom(...RUN_STATUSES),
    position: fc.nat(3),
    waitingFor: fc.constantFrom(null, 'failed', 'signature'),
    isPaused: fc.boolean(),
  });
  const kind = fc.constantFrom(...RUN_COMMANDS);
  const position = fc.option(fc.nat(3));

  it('nothing is told to what is over or being taken back', () => {
    fc.assert(
      fc.property(progress, kind, position, (run, what, where) => {
        const isOpen = ['waitingForApproval', 'running', 'paused', 'waitingForPerson'].includes(run.status);
        return isOpen || refusalOf(what, where, run) !== null;
      }),
    );
  });

  it('what concerns one step is refused at every other', () => {
    fc.assert(
      fc.property(progress, fc.constantFrom<RunCommandKind>('retry', 'skip', 'sign'), position, (run, what, where) => {
        return where === run.position || refusalOf(what, where, run) !== null;
      }),
    );
  });
});
