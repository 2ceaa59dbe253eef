import { expect, it } from 'vitest';
import { decisionLines, modeLines, openLines, snapshotLines, waitingOf, type Episode, type EpisodeDifference } from './episode.js';

const difference = (differenceId: string, more: Partial<EpisodeDifference> = {}): EpisodeDifference => ({
  ...{ differenceId, class: 'orphanOrder', subject: 'order:BTC/USDT:5', status: 'open', incidentId: '7', sha256: 'ab'.repeat(32) },
  ...more,
});
const episode = (differences: readonly EpisodeDifference[], modes: Episode['modes'] = []): Episode => ({
  ...{ mode: 'paused', halt: null, was: 'normal', isHeld: true, isClean: false },
  ...{ differences, modes },
});

it('tells what waits for a person, and what became of the rest', () => {
  const decided = difference('2', { status: 'closed', decision: 'cancel', decidedBy: 'rik', reason: 'a mistake' });
  const gone = difference('3', { class: 'balanceMovement', subject: 'asset:USDT', status: 'settled' });
  const all = episode([difference('1'), decided, gone], [{ mode: 'normal', was: 'paused', by: 'olga', reason: 'compared' }]);
  expect(waitingOf(all)).toBe('1 to decide, the first is 1 (orphanOrder): keelson reconcile show 1');
  expect(openLines(all)).toBe('1 orphanOrder `order:BTC/USDT:5`: incident 7');
  expect(decisionLines(all).split('\n').slice(1)).toEqual([
    '2 orphanOrder `order:BTC/USDT:5`: **cancel** by rik (a mistake)',
    '3 balanceMovement `asset:USDT`: settled',
  ]);
  expect(snapshotLines(all)).toContain('incident 7, sha256 abababababab');
  expect(modeLines(all)).toBe('paused → **normal** by olga (compared)');
  expect(waitingOf(episode([decided, gone]))).toBeUndefined();
});

it('shows so many lines, and says how many there are besides', () => {
  const many = episode(Array.from({ length: 25 }, (_, index) => difference(String(index))));
  expect(openLines(many).split('\n')).toHaveLength(21);
  expect(openLines(many)).toContain('… and 5 more');
  expect(waitingOf(many)).toContain('25 to decide');
});
