import { expect, it } from 'vitest';
import { keelsonBefore } from '../test/support/stub-api.js';

const status = { 'GET /v1/status': { accounts: [{ account: 'main' }, { account: 'desk' }] } };

it.each([
  ['mode', 'paused', 'mian', '--reason', 'a test'],
  ['resume', 'mian', '--reason', 'a test'],
])('%s of an account that there is not names those that there are', async (...line) => {
  const said = await keelsonBefore(status, ...line);
  expect(said).toMatchObject({ exitCode: 1, error: 'There is no account mian. Known: main, desk.\n' });
});

it('where several are and none is named, they are named', async () => {
  expect(await keelsonBefore(status, 'pause')).toMatchObject({ exitCode: 2, error: 'Say which account: main, desk.\n' });
});
