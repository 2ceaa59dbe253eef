import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { closedFolder, mayEnter } from './account.js';
import { isServerOf, parsePostmasterFile } from './leftover.js';
import { dataElsewhere, settleLocation } from './location.js';
import { reasonOf } from './server.js';

const account = { uid: 101, gid: 104 };

describe('whether the server’s account may enter a folder', () => {
  test.each([
    ['its own folder', { mode: 0o700, uid: 101, gid: 0 }, true],
    ['its own, closed to itself', { mode: 0o077, uid: 101, gid: 104 }, false],
    ['its group’s', { mode: 0o750, uid: 0, gid: 104 }, true],
    ['its group’s, closed to the group', { mode: 0o705, uid: 0, gid: 104 }, false],
    ['open to all', { mode: 0o755, uid: 0, gid: 0 }, true],
    ['only to be passed through', { mode: 0o711, uid: 0, gid: 0 }, true],
    ['root’s home', { mode: 0o700, uid: 0, gid: 0 }, false],
  ])('%s', (_, folder, expected) => {
    expect(mayEnter(folder, account)).toBe(expected);
  });
});

test('a data folder below a closed one goes elsewhere, and the home says where', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'keelson-location-'));
  try {
    const home = join(folder, 'closed', 'home');
    await mkdir(join(folder, 'closed'), { mode: 0o700 });
    const me = { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 };
    // Somebody else than the owner of the folders, but chown must work: the data folder is given to this account.
    const stranger = me.uid === 0 ? account : { uid: me.uid, gid: me.gid };
    const lines: string[] = [];
    const options = { home, account: stranger, systemDir: join(folder, 'system'), report: (line: string) => lines.push(line) };
    const closed = await closedFolder(join(home, 'data'), stranger);
    const first = await settleLocation(options);
    if (me.uid === 0) {
      expect(closed).toBe(folder);
      expect(first.dataDir.startsWith(join(folder, 'system', 'data-'))).toBe(true);
      expect(await dataElsewhere(home)).toBe(first.dataDir);
      expect(lines).toHaveLength(1);
    } else {
      expect(first.dataDir).toBe(join(home, 'data'));
    }
    expect(await settleLocation(options)).toEqual(first);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});

test('postmaster.pid names a process, and nothing else does', () => {
  expect(parsePostmasterFile('4711\n/data\n1700000000\n5432\n')).toBe(4711);
  expect(parsePostmasterFile('')).toBeUndefined();
  expect(parsePostmasterFile('1\n')).toBeUndefined();
  expect(parsePostmasterFile('nonsense')).toBeUndefined();
});

test('only a Postgres over exactly this folder is taken for a leftover', () => {
  expect(isServerOf('/opt/bin/postgres -D /home/a/data -p 5432', '/home/a/data')).toBe(true);
  expect(isServerOf('/opt/bin/postgres -D /home/a/data', '/home/a/data')).toBe(true);
  expect(isServerOf('/opt/bin/postgres -D /home/a/data2 -p 5432', '/home/a/data')).toBe(false);
  expect(isServerOf('vim /home/a/data', '/home/a/data')).toBe(false);
  expect(isServerOf('', '/home/a/data')).toBe(false);
});

test('the reason of a failed start is the server’s own, without its time stamps', () => {
  const lastLines = [
    '2026-11-23 02:27:26.915 UTC [3859] LOG:  starting PostgreSQL 15.18',
    '2026-11-23 02:27:26.916 UTC [3859] LOG:  could not bind IPv4 address "127.0.0.1": Address already in use',
    '2026-11-23 02:27:26.917 UTC [3859] FATAL:  could not create any TCP/IP sockets',
  ];
  expect(reasonOf({ code: 1, lastLines })).toBe(
    'LOG:  could not bind IPv4 address "127.0.0.1": Address already in use; FATAL:  could not create any TCP/IP sockets',
  );
  expect(reasonOf({ code: 2, lastLines: [] })).toBe('it ended with code 2 and said nothing');
});
