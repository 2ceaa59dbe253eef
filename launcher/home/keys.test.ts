import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { paperKeys, personKey } from './keys.js';
import { homePaths, personKeyPath, prepareHome } from './paths.js';
import { firstPeople } from './people.js';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'keelson-keys-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));
const modeOf = (path: string): string => (statSync(path).mode & 0o777).toString(8);

it('makes a person’s key once, closed to others', () => {
  const path = join(folder, 'owner-key');
  const key = personKey(path);
  expect(key).toMatch(/^keelson_[\w-]{43}$/);
  expect(personKey(path)).toBe(key);
  expect(modeOf(path)).toBe('600');
});

it('brings two demo people along in development, each with a key of its own, and only the owner elsewhere', () => {
  const paths = homePaths(join(folder, 'home'));
  prepareHome(paths);
  expect(firstPeople(paths, 'production').map(({ person }) => person)).toEqual(['owner']);
  const people = firstPeople(paths, 'development');
  expect(people.map(({ person, roles }) => [person, ...roles])).toEqual([
    ['owner', 'admin'],
    ['tess', 'trader', 'operator'],
    ['rik', 'risk'],
  ]);
  expect(new Set(people.map(({ key }) => key)).size).toBe(3);
  expect(firstPeople(paths, 'development')).toEqual(people);
  for (const { person } of people) expect(modeOf(personKeyPath(paths, person))).toBe('600');
  expect(modeOf(paths.keys)).toBe('700');
});

it('makes a paper key for each account, and keeps those that are there', () => {
  const path = join(folder, 'keys.json');
  const first = paperKeys(path, ['main']);
  const second = paperKeys(path, ['main', 'other']);
  expect(second['main']).toEqual(first['main']);
  expect(second['other']?.apiKey).not.toBe(first['main']?.apiKey);
  expect(modeOf(path)).toBe('600');
});
