import { expect, it } from 'vitest';
import type { Status } from '../../api/routes/status.js';
import { statusText } from './status.js';

const STATUS: Status = {
  time: 0,
  environment: 'test',
  versions: { keelson: '1.2.3', node: '20', postgres: '17', migration: null },
  instance: { id: 'instance', epoch: 1 },
  temporal: { address: '127.0.0.1:7233', namespace: 'default', ui: null },
  guardiansWithoutTemporal: [],
  chat: null,
  accounts: [],
  streams: [],
  notEnforced: [],
  venues: [],
};

it('says where nobody reads the chat in which people halt, and nothing of a chat where they may in none or are heard', () => {
  const silent = statusText({ ...STATUS, chat: { state: 'silent', readTime: null, failure: 'error 401' } });
  expect(silent).toContain('Standing\n  - the chat in which people halt is not read: /kill is not heard there (error 401)\n');
  for (const chat of [null, { state: 'read', readTime: 0, failure: null } as const])
    expect(statusText({ ...STATUS, chat })).not.toContain('chat');
});
