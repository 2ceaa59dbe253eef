import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { textOf, type AlertMessage } from '../../core/alerts/message.js';
import type { NotifyChannel } from '../ports/alerts.js';
import { DatabaseLoss } from './database-loss.js';

const MINUTE = 60_000;
beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

type Answer = 'answers' | 'fails' | 'hangs';
interface World {
  answer: Answer;
  /** What each channel does with a message; what it has taken is in `told`. */
  readonly channels: Record<string, Answer>;
  readonly told: string[];
  readonly messages: AlertMessage[];
}
const never = new Promise<never>(() => undefined);
const does = (answer: Answer): Promise<unknown> =>
  answer === 'hangs' ? never : answer === 'fails' ? Promise.reject(new Error('away')) : Promise.resolve();
const pass = (ms: number): Promise<unknown> => vi.advanceTimersByTimeAsync(ms);

async function looking(work: (world: World) => Promise<void>): Promise<void> {
  const world: World = { answer: 'answers', channels: { log: 'answers', telegram: 'answers', sms: 'answers' }, told: [], messages: [] };
  const channel = (name: NotifyChannel['name'], recipients: number): NotifyChannel => ({
    name,
    recipients,
    async send(message, recipient) {
      await does(world.channels[name] ?? 'fails');
      world.told.push(`${name}${recipient} ${message.kind}`);
      world.messages.push(message);
    },
  });
  const loss = new DatabaseLoss({
    answers: () => does(world.answer),
    channels: [channel('log', 1), channel('telegram', 1), channel('sms', 2)],
    accounts: ['main', 'other'],
    clock: () => Date.now(),
    log: { warn: () => undefined },
  });
  await work(world);
  loss.close();
  const before = world.told.length;
  await pass(60 * MINUTE);
  expect(world.told).toHaveLength(before);
}

it.each(['fails', 'hangs'] as const)('tells over every channel, once, that the database %s, and that it answers again', (answer) =>
  looking(async (world) => {
    await pass(MINUTE);
    world.answer = answer;
    await pass(14_000);
    expect(world.told).toEqual([]);
    await pass(10_000);
    const lost = ['log0 database.lost', 'telegram0 database.lost', 'sms0 database.lost'];
    expect(world.told).toEqual(lost);
    const [message] = world.messages;
    expect(message && textOf(message)).toMatch(
      /^\[critical\] Keelson: database\.lost\nThe database has not answered for \d+ s: nobody watches main, other, .*keelson kill --direct.*\nSince [^,]*Z\.$/,
    );
    world.answer = 'answers';
    await pass(MINUTE);
    expect(world.told).toEqual([...lost, 'log0 database.back', 'telegram0 database.back', 'sms0 database.back']);
  }),
);

it('says nothing of one that is away for a moment, again and again', () =>
  looking(async (world) => {
    for (let n = 0; n < 20; n += 1) {
      world.answer = 'fails';
      await pass(14_000);
      world.answer = 'answers';
      await pass(5_000);
    }
    expect(world.told).toEqual([]);
  }));

it('tells it again each quarter of an hour, and whoever is next', () =>
  looking(async (world) => {
    world.answer = 'fails';
    await pass(25_000);
    expect(world.told).toHaveLength(3);
    await pass(14 * MINUTE);
    expect(world.told).toHaveLength(3);
    await pass(2 * MINUTE);
    expect(world.told.slice(3)).toEqual(['log0 database.lost', 'telegram0 database.lost', 'sms0 database.lost', 'sms1 database.lost']);
  }));

it('a channel that hangs delays no other, and one that fails is tried again', () =>
  looking(async (world) => {
    Object.assign(world.channels, { telegram: 'hangs', sms: 'fails' });
    world.answer = 'fails';
    await pass(30_000);
    expect(world.told).toEqual(['log0 database.lost']);
    world.channels['sms'] = 'answers';
    await pass(6_000);
    expect(world.told).toEqual(['log0 database.lost', 'sms0 database.lost']);
    world.channels['telegram'] = 'answers';
    await pass(15_000);
    expect(world.told).toEqual(['log0 database.lost', 'sms0 database.lost', 'telegram0 database.lost']);
  }));
