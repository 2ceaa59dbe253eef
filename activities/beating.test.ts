import { MockActivityEnvironment } from '@temporalio/testing';
import { DefaultLogger } from '@temporalio/worker';
import { expect, it } from 'vitest';
import { beating } from './beating.js';

it('an activity that takes long tells that its process lives', async () => {
  const environment = new MockActivityEnvironment({}, { logger: new DefaultLogger('ERROR') });
  const beaten = new Promise<string>((resolve) => environment.once('heartbeat', () => resolve('done')));
  expect(await environment.run(beating(() => beaten))).toBe('done');
});

it('outside of a worker it is the activity alone', async () => {
  expect(await beating(async (one: number) => one + 1)(1)).toBe(2);
});
