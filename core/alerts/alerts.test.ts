import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { subjectOf, textOf, type AlertMessage } from './message.js';
import { nextRound, retryAfterMs } from './round.js';
import type { AlertSeverity } from './severity.js';

const EVERYWHERE = { log: 1, webhook: 1, telegram: 2, email: 3, sms: 2 };
const channels = (severity: AlertSeverity, rounds = 0, recipients: Parameters<typeof nextRound>[2] = EVERYWHERE): string[] =>
  nextRound(severity, rounds, recipients).deliveries.map(({ channel, recipient }) => `${channel} ${recipient}`);

describe('whom an alert is told to', () => {
  it.each<[AlertSeverity, string[]]>([
    ['info', ['log 0']],
    ['warning', ['log 0', 'webhook 0', 'telegram 0']],
    ['error', ['log 0', 'webhook 0', 'telegram 0', 'email 0']],
    ['critical', ['log 0', 'webhook 0', 'telegram 0', 'email 0', 'sms 0']],
  ])('%s: more channels the worse it is', (severity, expected) => expect(channels(severity)).toEqual(expected));

  it('a channel that is not set up is left out', () => expect(channels('critical', 0, { log: 1, sms: 1 })).toEqual(['log 0', 'sms 0']));

  it('an unacknowledged critical one goes one level up each 15 minutes, others stay where they are, each 4 hours', () => {
    expect(channels('critical', 1)).toEqual(['log 0', 'webhook 0', 'telegram 0', 'telegram 1', 'email 0', 'email 1', 'sms 0', 'sms 1']);
    expect(channels('critical', 9)).toHaveLength(9);
    expect(channels('error', 9)).toEqual(channels('error'));
    expect(nextRound('critical', 0, EVERYWHERE)).toMatchObject({ level: 0, nextInMs: 900_000 });
    expect(nextRound('critical', 2, EVERYWHERE)).toMatchObject({ level: 2, nextInMs: 900_000 });
    for (const severity of ['warning', 'error'] as const) expect(nextRound(severity, 3, EVERYWHERE).nextInMs).toBe(14_400_000);
    expect(nextRound('info', 0, EVERYWHERE).nextInMs).toBeNull();
  });

  it('a try that failed is made again, later each time, and not for ever', () => {
    expect([1, 2, 3, 9, 11, 12].map(retryAfterMs)).toEqual([2_000, 4_000, 8_000, 300_000, 300_000, undefined]);
  });
});

it('says what, since when, and what ends it', () => {
  const message: AlertMessage = {
    ...{ alertId: '7', account: 'main', severity: 'critical', kind: 'watch.drawdownLimit', summary: 'main is halted.', data: {} },
    ...{ raisedTime: 0, round: 1 },
  };
  expect(subjectOf(message)).toBe('[critical] main: watch.drawdownLimit (told 2 times)');
  expect(textOf(message)).toBe(
    '[critical] main: watch.drawdownLimit (told 2 times)\nmain is halted.\nSince 1970-01-01T00:00:00.000Z, alert 7.\nAcknowledge: keelson alerts ack 7 --reason …',
  );
  expect(textOf({ ...message, severity: 'info', account: null, round: 0 })).toBe(
    '[info] Keelson: watch.drawdownLimit\nmain is halted.\nSince 1970-01-01T00:00:00.000Z, alert 7.',
  );
});

it('is no longer than its channel takes, and says all the same what it is and how it is ended', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 600 }), fc.integer({ min: 250, max: 700 }), (summary, most) => {
      const message: AlertMessage = {
        ...{ alertId: '7', account: 'main', severity: 'critical', kind: 'haltNotVerified', summary, data: {}, raisedTime: 0, round: 1 },
      };
      const [whole, text] = [textOf(message), textOf(message, most)];
      expect(text.length).toBeLessThanOrEqual(most);
      if (whole.length <= most) expect(text).toBe(whole);
      expect(text.startsWith(`${subjectOf(message)}\n`)).toBe(true);
      expect(text.endsWith('Acknowledge: keelson alerts ack 7 --reason …')).toBe(true);
      // What is kept is the beginning, in whole characters.
      const kept = text.slice(subjectOf(message).length + 1, text.indexOf('\nSince 1970'));
      if (text === whole) return;
      expect(kept.endsWith('…') && summary.startsWith(kept.slice(0, -1))).toBe(true);
      expect(kept).not.toMatch(/[\uD800-\uDBFF](?![\uDC00-\uDFFF])/);
    }),
  );
});
