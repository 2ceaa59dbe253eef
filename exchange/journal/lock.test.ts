import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { testVenue } from '../testing/open-venue.js';
import { lockJournal } from './lock.js';

const folder = mkdtempSync(join(tmpdir(), 'paper-lock-'));

afterAll(() => rmSync(folder, { recursive: true }));

test('a journal has one writer, and another when that one has stopped', () => {
  const journalFile = join(folder, 'one.jsonl');
  const first = testVenue({ journalFile });
  expect(() => testVenue({ journalFile })).toThrow(`the process ${process.pid} is writing this journal`);
  first.stop();
  testVenue({ journalFile }).stop();
});

test('what a dead process, another machine or a broken file has left keeps nobody out', () => {
  const file = join(folder, 'dead.jsonl');
  const release = lockJournal(file);
  const { pid } = spawnSync(process.execPath, ['-e', '']);
  const left = [
    JSON.stringify({ pid, startedAt: '1', place: 'local' }),
    JSON.stringify({ pid: process.pid, startedAt: '1', place: 'local' }),
    '{"pid":',
  ];
  release();
  for (const text of left) {
    const [held] = readdirSync(`${file}.lock`) as [string];
    writeFileSync(join(`${file}.lock`, held), text);
    const again = lockJournal(file);
    expect(() => lockJournal(file)).toThrow(/is writing this journal/);
    again();
  }
});
