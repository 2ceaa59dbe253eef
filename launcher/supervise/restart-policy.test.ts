import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { RESTART_POLICY, decideRestart } from './restart-policy.js';
import type { RunOutcome } from './restart-policy.js';

const run = (endedAt: number, readyForMs: number, why?: 'isConfiguration' | 'isUnavailable'): RunOutcome => ({
  ...{ endedAt, readyForMs, isConfiguration: false, isUnavailable: false },
  ...(why === undefined ? {} : { [why]: true }),
});

describe('decideRestart', () => {
  it('starts a child that did its work again at once, and waits longer for each end in a row', () => {
    const delays = [];
    const runs: RunOutcome[] = [];
    for (let count = 0; count < 5; count += 1) {
      runs.push(run(count * 1000, 100));
      const decision = decideRestart(runs);
      delays.push(decision.action === 'restart' ? decision.afterMs : decision.action);
    }
    expect(delays).toEqual([250, 500, 1000, 2000, 4000]);
  });

  it('starts with the small wait again after a sound run', () => {
    const runs = [run(1000, 10), run(2000, 10), run(20_000, 10_000)];
    expect(decideRestart(runs)).toEqual({ action: 'restart', afterMs: 250 });
  });

  it('gives up on a child that never got ready', () => {
    const runs = Array.from({ length: RESTART_POLICY.maxUnready }, (_, index) => run(index * 1000, 0));
    expect(decideRestart(runs.slice(1)).action).toBe('restart');
    expect(decideRestart(runs)).toEqual({ action: 'giveUp', count: 6, withinMs: 5000 });
  });

  it('gives up at once when what the child was given is wrong', () => {
    expect(decideRestart([run(0, 0, 'isConfiguration')])).toEqual({ action: 'giveUp', count: 1, withinMs: 0 });
  });

  it('does not believe in a wrong configuration that has worked before', () => {
    expect(decideRestart([run(0, 1000), run(100, 0, 'isConfiguration')])).toEqual({ action: 'restart', afterMs: 500 });
  });

  it.each(['isConfiguration', 'isUnavailable'] as const)('waits for ever for a server with which it has worked (%s)', (why) => {
    const without = Array.from({ length: 200 }, (_, index) => run(1_000 + index * 500, 0, why));
    const waiting = [run(0, 5_000), ...without];
    for (let count = 8; count <= waiting.length; count += 1) {
      expect(decideRestart(waiting.slice(0, count))).toEqual({ action: 'restart', afterMs: RESTART_POLICY.maxDelayMs });
    }
    // What is wrong with the child itself ends it all the same, and so does a server that was never there.
    expect(decideRestart([...waiting, run(200_000, 0)]).action).toBe('giveUp');
    expect(decideRestart(without.slice(0, RESTART_POLICY.maxUnready)).action).toBe('giveUp');
  });

  it('survives ten kills in two minutes, and not twenty', () => {
    const kills = Array.from({ length: 20 }, (_, index) => run(index * 6000, 4000));
    expect(decideRestart(kills.slice(0, 10)).action).toBe('restart');
    expect(decideRestart(kills).action).toBe('giveUp');
  });

  it('never waits longer than the limit nor less than the first delay', () => {
    const outcome = fc.record({ gap: fc.integer({ min: 0, max: 300_000 }), readyForMs: fc.integer({ min: 0, max: 100_000 }) });
    fc.assert(
      fc.property(fc.array(outcome, { minLength: 1, maxLength: 60 }), (steps) => {
        let at = 0;
        const runs = steps.map(({ gap, readyForMs }) => run((at += gap), readyForMs));
        const decision = decideRestart(runs);
        if (decision.action === 'giveUp') return decision.count >= RESTART_POLICY.maxUnready;
        return decision.afterMs >= RESTART_POLICY.firstDelayMs && decision.afterMs <= RESTART_POLICY.maxDelayMs;
      }),
    );
  });
});
