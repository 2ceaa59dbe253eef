import { InvalidArgumentError, type Command } from 'commander';
import { existsSync, mkdirSync } from 'node:fs';
import type { Person } from '../../api/read/people.js';
import { ROLES, type Role } from '../../core/people/roles.js';
import { homePaths, personKeyPath } from '../../launcher/home/paths.js';
import { writeWhole } from '../../launcher/home/write-file.js';
import { homeFolder } from '../address.js';
import { addApiCommand, answers, connect, personName, type ApiOptions, type Finish, type Shown } from '../command.js';
import { table, timeText, type Column, type Terminal } from '../terminal.js';

interface KeyOptions extends ApiOptions {
  readonly label?: string;
  readonly save?: boolean;
}
interface AddOptions extends KeyOptions {
  readonly name?: string;
  readonly role: readonly Role[];
}

interface GivenKey {
  readonly person: string;
  readonly keyId: string;
  readonly key: string;
}

interface Line {
  readonly person: Person;
  readonly key: Person['keys'][number] | undefined;
  readonly isFirst: boolean;
}

const timeOrDash = (time: number | null | undefined): string => (time === null || time === undefined ? '–' : timeText(time));
const COLUMNS: readonly Column<Line>[] = [
  { title: 'person', value: ({ person, isFirst }) => (isFirst ? person.person : '') },
  { title: 'name', value: ({ person, isFirst }) => (isFirst ? person.name : '') },
  {
    title: 'roles',
    value: ({ person, isFirst }) => (isFirst ? (person.deactivatedTime === null ? person.roles.join(', ') : 'deactivated') : ''),
  },
  { title: 'key', value: ({ key }) => key?.keyId ?? '–' },
  { title: 'for', value: ({ key }) => key?.label ?? '–' },
  { title: 'last used', value: ({ key }) => timeOrDash(key?.lastUsedTime) },
  { title: 'revoked', value: ({ key }) => timeOrDash(key?.revokedTime) },
];

function aRole(text: string, before: readonly Role[] = []): Role[] {
  const role = ROLES.find((known) => known === text);
  if (role === undefined) throw new InvalidArgumentError(`Expected one of ${ROLES.join(', ')}.`);
  return [...before, role];
}

/** `keelson users …`: who there is, and whose keys count. */
export function addUsers(program: Command, terminal: Terminal, finish: Finish): void {
  const users = program.command('users').description('people, their roles and their keys');

  const list = addApiCommand(users, 'list', 'everyone, with roles, and keys by their id', 'listPeople');
  answers(list, terminal, finish, async (options: ApiOptions) => {
    const data = await connect(terminal, options).get<{ people: Person[] }>('/v1/people');
    const lines = data.people.flatMap((person) =>
      (person.keys.length === 0 ? [undefined] : person.keys).map((key, index) => ({ person, key, isFirst: index === 0 })),
    );
    return { data, text: table(lines, COLUMNS, 'Nobody yet.') };
  });

  const withKey = (command: Command): Command =>
    command
      .option('--label <text>', 'what the key is for, such as laptop')
      .option('--save', 'keep the key in the home for --as, instead of showing it');

  const add = withKey(
    addApiCommand(users, 'add', 'add a person and give the first key, shown once', 'changePeople')
      .argument('<person>', 'a short name, for ever', personName)
      .requiredOption('--role <role>', `one of ${ROLES.join(', ')}; may be repeated`, aRole)
      .option('--name <text>', 'the full name'),
  );
  answers(add, terminal, finish, async ({ name, role, label, save, ...options }: AddOptions, person: string) => {
    const body = { person, name: name ?? person, roles: role, ...(label === undefined ? {} : { label }) };
    return shownOnce(await connect(terminal, options).post<GivenKey>('/v1/people', body), save, terminal);
  });

  const roles = addApiCommand(users, 'roles', 'give a person these roles, in place of those before', 'changePeople')
    .argument('<person>', 'who', personName)
    .requiredOption('--role <role>', `one of ${ROLES.join(', ')}; may be repeated`, aRole);
  answers(roles, terminal, finish, async ({ role, ...options }: ApiOptions & { readonly role: readonly Role[] }, person: string) => {
    const data = await connect(terminal, options).post('/v1/people/roles', { person, roles: role });
    return { data, text: `${person} is ${role.join(', ')}.\n` };
  });

  const newKey = withKey(
    addApiCommand(users, 'new-key', 'give a person a further key, shown once; those before stay', 'changePeople').argument(
      '<person>',
      'whose',
      personName,
    ),
  );
  answers(newKey, terminal, finish, async ({ label, save, ...options }: KeyOptions, person: string) => {
    const body = { person, ...(label === undefined ? {} : { label }) };
    return shownOnce(await connect(terminal, options).post<GivenKey>('/v1/people/keys', body), save, terminal);
  });

  const revoke = addApiCommand(users, 'revoke-key', 'let a key count no more', 'changePeople').argument(
    '<key-id>',
    'its id, as listed: not the key itself',
  );
  answers(revoke, terminal, finish, async (options: ApiOptions, keyId: string) => {
    const data = await connect(terminal, options).post('/v1/people/keys/revoke', { keyId });
    return { data, text: 'The key counts no more.\n' };
  });

  const deactivate = addApiCommand(users, 'deactivate', 'take all keys from a person; the name stays taken', 'changePeople')
    .argument('<person>', 'who', personName)
    .requiredOption('--reason <text>', 'why');
  answers(deactivate, terminal, finish, async ({ reason, ...options }: ApiOptions & { readonly reason: string }, person: string) => {
    const data = await connect(terminal, options).post('/v1/people/deactivate', { person, reason });
    return { data, text: `${person} can do nothing any more.\n` };
  });
}

/** The key goes to the screen or into the home, never to both. */
function shownOnce({ person, keyId, key }: GivenKey, save: boolean | undefined, terminal: Terminal): Shown {
  if (save !== true) {
    return { data: { person, keyId, key }, text: `The key of ${person}, shown once and kept nowhere:\n${key}\nIts id is ${keyId}.\n` };
  }
  const paths = homePaths(homeFolder(terminal));
  const path = personKeyPath(paths, person);
  const before = existsSync(path)
    ? ' The one that was there before is not kept, and still counts: keelson users list, then users revoke-key.'
    : '';
  mkdirSync(paths.keys, { recursive: true, mode: 0o700 });
  writeWhole(path, `${key}\n`);
  return {
    data: { person, keyId, path },
    text: `The key of ${person} is in ${path}: use it by --as ${person}. Its id is ${keyId}.${before}\n`,
  };
}
