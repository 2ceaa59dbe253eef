import { describe, expect, test } from 'vitest';
import { KeelsonError } from '../../core/errors.js';
import { chooseBinary, type ResolveProgress, tableOf } from './choose.js';
import { missingFrom, unusable } from './external.js';
import { readBuildLine } from './sources/build.js';
import { releaseAddress } from './sources/download.js';
import { userCacheFolder } from './sources/kept.js';
import type { BinarySource, Outcome } from './sources/source.js';
import { compareVersions, parseProgramVersion } from './version.js';

const source = (name: string, outcome: Outcome | Error): BinarySource => ({
  name,
  find: async () => {
    if (outcome instanceof Error) throw outcome;
    return outcome;
  },
});
const server = (version: string, path = '/bin/temporal'): Outcome => ({
  binary: { path, version, exitsWithStdin: false },
});
const absent: Outcome = { whyNot: 'it is not there', whatToDo: 'install it' };

async function choose(sources: BinarySource[], writtenBy?: string) {
  const progress: ResolveProgress[] = [];
  const chosen = await chooseBinary(sources, writtenBy, (step) => progress.push(step));
  return { chosen, events: progress.map((step) => `${step.event} ${step.source}`) };
}

describe('choosing a server', () => {
  test('takes the first source that has one and asks no further', async () => {
    const never = source('later', new Error('must not be asked'));
    const { chosen, events } = await choose([source('one', absent), source('two', server('1.32.1')), never]);
    expect(chosen.source).toBe('two');
    expect(events).toEqual(['trying one', 'refused one', 'trying two', 'found two']);
  });

  test('passes over one that is too old to do, or older than the one that wrote the file', async () => {
    const sources = [source('old', server('1.20.0')), source('older', server('1.32.0')), source('same', server('1.32.1'))];
    expect((await choose(sources, '1.32.1')).chosen.source).toBe('same');
    expect((await choose(sources)).chosen.source).toBe('older');
  });

  test('a source that throws is a reason, not an end', async () => {
    expect((await choose([source('broken', new Error('no')), source('fine', server('1.32.1'))])).chosen.source).toBe('fine');
  });

  test('with nothing left it names every source, why not and what to do', async () => {
    const sources = [source('one', absent), source('two', new Error('cut off')), source('three', server('1.10.0', '/old'))];
    const error = await choose(sources).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(KeelsonError);
    const { code, message } = (error as KeelsonError).failure;
    expect(code).toBe('CONFIG_NO_TEMPORAL');
    for (const text of ['one', 'it is not there', 'install it', 'cut off', '/old has server 1.10.0']) {
      expect(message).toContain(text);
    }
  });

  test('the table is in columns', () => {
    const lines = tableOf([{ source: 'a', whyNot: 'because', whatToDo: 'this' }]).split('\n');
    expect(lines[0]).toBe('  source  why not  what to do');
    expect(lines[1]).toBe('  a       because  this');
  });
});

test('versions are read from the official command and from ours', () => {
  expect(parseProgramVersion('temporal version 1.9.1 (Server 1.32.0, UI 2.54.1)')).toEqual({ server: '1.32.0', isOurs: false });
  expect(parseProgramVersion('temporal version keelson (Server 1.32.1, UI 2.55.0)\n')).toEqual({ server: '1.32.1', isOurs: true });
  expect(parseProgramVersion('something else')).toBeUndefined();
});

test('versions are compared by their numbers', () => {
  expect(compareVersions('1.32.1', '1.32.1')).toBe(0);
  expect(compareVersions('1.9.9', '1.32.0')).toBeLessThan(0);
  expect(compareVersions('2.0', '1.32.1')).toBeGreaterThan(0);
  expect(compareVersions('1.32.1-rc1', '1.32.1')).toBe(0);
});

test('what a given server cannot do and what it lacks is told apart', () => {
  const facts = { version: '1.25.0', retentionDays: 1, searchAttributes: ['KeelsonSide'], hasUpdates: false };
  expect(unusable(facts)).toHaveLength(2);
  expect(missingFrom(facts)).toEqual([
    'retention of 30 days (now 1)',
    'search attributes KeelsonAccount, KeelsonInstrument, KeelsonStrategy, KeelsonStatus',
  ]);
  expect(unusable({ ...facts, version: '1.32.1', hasUpdates: true })).toEqual([]);
  expect(missingFrom({ ...facts, retentionDays: undefined })[0]).toBe('the namespace');
});

test('the build’s lines are counted for what they are', () => {
  expect(readBuildLine('go: downloading go.temporal.io/server v1.32.1')).toBe('module');
  expect(readBuildLine('go.temporal.io/server/common/log')).toBe('package');
  expect(readBuildLine('unicode/utf8')).toBe('package');
  expect(readBuildLine('# keelson/temporal')).toBe('other');
  expect(readBuildLine('./main.go:3:1: undefined: x')).toBe('other');
});

test('the release is asked for by version, platform and architecture', () => {
  expect(releaseAddress('linux', 'x64')).toBe('https://temporal.download/cli/v1.9.1?arch=amd64&platform=linux&format=tar.gz');
});

test('the cache lies where the system wants it', () => {
  expect(userCacheFolder({ XDG_CACHE_HOME: '/c' }, 'linux', '/h')).toBe('/c/keelson');
  expect(userCacheFolder({}, 'linux', '/h')).toBe('/h/.cache/keelson');
  expect(userCacheFolder({}, 'darwin', '/h')).toBe('/h/Library/Caches/keelson');
});
