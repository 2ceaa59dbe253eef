import { expect, it } from 'vitest';
import type { NotifyChannel } from '../ports/alerts.js';
import { sendWithin } from './send-within.js';

it('what is begun when everything has ended is given up, also by a channel that does not look at its signal', async () => {
  const deaf: NotifyChannel = { name: 'webhook', recipients: 1, send: () => new Promise(() => undefined) };
  const alert = { alertId: '1', account: 'main', severity: 'critical', kind: 'test', summary: 'a test', data: {} } as const;
  const message = { ...alert, raisedTime: 0, round: 0, level: 0 };
  await expect(sendWithin(deaf, message, 0, AbortSignal.abort())).rejects.toThrow('did not answer in time');
});
