import type { Command } from 'commander';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { randomUUID } from 'node:crypto';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { ACTIONS, mayDo } from '../core/people/actions.js';
import { ROLES } from '../core/people/roles.js';
import { apiUnderTest, KEYS, seedPeople, seedTrading, type ApiUnderTest } from '../test/support/api.js';
import { testDatabase, type TestDatabase } from '../test/support/postgres.js';
import { actionOf } from './command.js';
import { buildProgram, runCommandLine } from './program.js';
import type { Terminal } from './terminal.js';

const root = new URL('..', import.meta.url).pathname;
const home = mkdtempSync(join(tmpdir(), 'keelson-people-'));
let store: TestDatabase;
let api: ApiUnderTest;

beforeAll(async () => {
  store = await testDatabase();
  await seedPeople(store.pool);
  await seedTrading(store.pool);
  mkdirSync(join(home, 'keys'), { mode: 0o700 });
  for (const [person, key] of Object.entries(KEYS)) {
    writeFileSync(join(home, person === 'owner' ? 'owner-key' : `keys/${person}`), `${key}\n`, { mode: 0o600 });
  }
});
afterAll(async () => {
  rmSync(home, { recursive: true, force: true });
  await store.drop();
});
beforeEach(async () => {
  api = apiUnderTest(store);
  const address = await api.server.listen({ host: '127.0.0.1', port: 0 });
  const run = { pid: 1, since: 0, addresses: { api: address, temporal: '', metrics: {} }, pids: {} };
  writeFileSync(join(home, 'run.json'), JSON.stringify(run));
});
afterEach(() => api.close());

const keelson = async (line: readonly string[], ask?: Terminal['ask']) => {
  const result = { exitCode: 0, out: '', error: '' };
  result.exitCode = await runCommandLine(line, {
    env: { KEELSON_HOME: home },
    root,
    now: Date.now,
    newId: randomUUID,
    ...(ask === undefined ? {} : { ask }),
    out: (text) => void (result.out += text),
    error: (text) => void (result.error += text),
  });
  return result;
};
const words = (line: string): string[] => line.split(' ');
/** A resume that waits for a second person. @returns the request. */
const waiting = async (): Promise<string> => {
  await keelson(words('pause --as risk'));
  const { exitCode, error } = await keelson(words('resume --as operator --reason explained'));
  expect(exitCode).toBe(1);
  return /keelson approvals approve ([0-9a-f-]{36})/.exec(error)?.[1] ?? '';
};

test('every role at every command that asks the API: refused exactly where the table says so', async () => {
  const nothing = { env: {}, root, now: () => 0, newId: () => '', out: () => undefined, error: () => undefined };
  const leaves = (command: Command, path: readonly string[]): { path: readonly string[]; command: Command }[] =>
    command.commands.length === 0 ? [{ path, command }] : command.commands.flatMap((child) => leaves(child, [...path, child.name()]));
  const request = await waiting();
  const further: Readonly<Record<string, readonly string[]>> = {
    resume: ['--reason', 'a test'],
    mode: ['paused', '--reason', 'a test'],
    kill: ['--instrument', 'BTC/USDT'],
    rearm: [randomUUID(), '--reason', 'a test'],
    'approvals approve': [request, '--reason', 'a test', '--yes'],
    'approvals refuse': [request, '--reason', 'a test', '--yes'],
    'incidents close': ['1', '--reason', 'a test'],
    'alerts ack': ['1', '--reason', 'a test'],
    decide: ['o2', '--reason', 'a test'],
    'reconcile show': ['1'],
    'reconcile decide': ['1', 'reject', '--reason', 'a test'],
    block: ['BTC/USDT', '--reason', 'a test'],
    unblock: ['BTC/USDT', '--reason', 'a test'],
    'limits set': ['maxOpenOrders', '1', '--reason', 'a test'],
    'limits override': ['maxOpenOrders', '1', '--instrument', 'BTC/USDT', '--minutes', '1', '--reason', 'a test'],
    'limits end': [randomUUID(), '--reason', 'a test'],
    'strategies disable': ['momentum', '--reason', 'a test'],
    'strategies enable': ['momentum', '--reason', 'a test'],
    'incidents show': ['1'],
    'runbooks show': [randomUUID()],
    'runbooks plan': ['morningChecks'],
    'runbooks run': ['morningChecks', '--reason', 'a test'],
    stop: ['--within', '1', '--reason', 'a test'],
    'runbooks pause': [randomUUID(), '--reason', 'a test'],
    'runbooks resume': [randomUUID(), '--reason', 'a test'],
    'runbooks abort': [randomUUID(), '--reason', 'a test'],
    'runbooks retry': [randomUUID(), '1', '--reason', 'a test'],
    'runbooks skip': [randomUUID(), '1', '--reason', 'a test'],
    'runbooks sign': [randomUUID(), '1', '--reason', 'a test'],
    'schedules pause': ['checks', '--reason', 'a test'],
    'schedules resume': ['checks', '--reason', 'a test'],
    'schedules trigger': ['checks', '--reason', 'a test'],
    'ledger book': ['deposit', '1', 'USDT', '--reason', 'a test'],
    'ledger rebuild': ['--reason', 'a test'],
    'users add': ['newcomer', '--role', 'viewer'],
    'users roles': ['nobody', '--role', 'viewer'],
    'users new-key': ['viewer'],
    'users revoke-key': [randomUUID()],
    'users deactivate': ['nobody', '--reason', 'a test'],
  };
  let tried = 0;
  for (const { path, command } of leaves(await buildProgram(nothing, () => undefined), [])) {
    const action = actionOf(command);
    if (action === undefined) continue;
    for (const role of ROLES) {
      const as = role === 'admin' ? 'owner' : role;
      const { exitCode, error } = await keelson([...path, ...(further[path.join(' ')] ?? []), '--as', as]);
      const isRefused = error.includes(`${as} has not the role for this: one of ${ACTIONS[action].join(', ')} is needed`);
      expect({ path, role, isRefused, usage: exitCode === 2 }).toEqual({ path, role, isRefused: !mayDo([role], action), usage: false });
      tried += 1;
    }
  }
  expect(tried).toBe(69 * ROLES.length);
  // Hundreds of command lines, one after the other: on a machine that is busy with others they take their time.
}, 300_000);

describe('acting as someone', () => {
  test('whoami says who; the owner where nobody is named', async () => {
    expect((await keelson(['whoami'])).out).toBe('owner (owner): admin\n');
    expect((await keelson(words('whoami --as risk'))).out).toBe('risk (risk): risk\n');
    expect((await keelson(words('pause --as trader --json'))).exitCode).toBe(0);
    expect(api.executed.at(-1)).toMatchObject({ kind: 'pause', subject: 'trader' });
  });

  test('a name that leads elsewhere is none, and one without a key is told', async () => {
    expect((await keelson(['whoami', '--as', '../owner-key'])).exitCode).toBe(2);
    const { exitCode, error } = await keelson(words('whoami --as stranger'));
    expect(exitCode).toBe(78);
    expect(error).toContain(`${home}/keys/stranger cannot be read (ENOENT)`);
    expect(error).toMatch(/There are keys of owner, .*risk/);
  });
});

describe('users', () => {
  test('a key is shown once, or kept in the home and not shown', async () => {
    const added = await keelson(['users', 'add', 'tess', '--role', 'trader', '--role', 'operator', '--name', 'Tess Trader']);
    expect(added.out).toMatch(/^The key of tess, shown once and kept nowhere:\nkeelson_[\w-]{43}\nIts id is [0-9a-f-]{36}\.\n$/);
    const saved = await keelson(words('users new-key tess --label laptop --save'));
    expect(saved.out).not.toContain('keelson_');
    expect(saved.out).not.toContain('still counts');
    expect((await keelson(words('users new-key tess --label desk --save'))).out).toContain(
      'was there before is not kept, and still counts',
    );
    expect(statSync(join(home, 'keys', 'tess')).mode & 0o777).toBe(0o600);
    expect((await keelson(words('whoami --as tess'))).out).toBe('tess (Tess Trader): trader, operator\n');
    const list = await keelson(words('users list'));
    expect(list.out).toMatch(/^person +name +roles +key +for +last used +revoked\n/);
    expect(list.out).toMatch(
      /\ntess +Tess Trader +trader, operator +[0-9a-f-]{36} +first +– +–\n +[0-9a-f-]{36} +laptop +– +–\n +[0-9a-f-]{36} +desk +2\d{3}-/,
    );
    expect(list.out).not.toContain(readFileSync(join(home, 'keys', 'tess'), 'utf8').trim());
  });

  test('a key is revoked by its id, a person deactivated with a reason', async () => {
    const { keyId } = JSON.parse((await keelson(words('users add rob --role risk --save --json'))).out) as { keyId: string };
    expect((await keelson(words('whoami --as rob'))).exitCode).toBe(0);
    expect((await keelson(['users', 'revoke-key', keyId])).exitCode).toBe(0);
    expect((await keelson(words('whoami --as rob'))).error).toBe('The API key is not known or has been revoked.\n');
    expect((await keelson(words('users deactivate rob --reason left'))).out).toBe('rob can do nothing any more.\n');
    expect((await keelson(words('users list'))).out).toMatch(/rob +rob +deactivated/);
    expect((await keelson(words('users add bob --role boss'))).exitCode).toBe(2);
    expect((await keelson(words('users roles viewer --role viewer --role auditor'))).out).toBe('viewer is viewer, auditor.\n');
    expect((await keelson(words('whoami --as viewer'))).out).toBe('viewer (viewer): viewer, auditor\n');
    await keelson(words('users roles viewer --role viewer'));
    expect((await keelson(words('users deactivate owner --reason slip'))).error).toContain('make another admin first');
  });
});

describe('approvals', () => {
  test('four eyes, from the pause to the resume', async () => {
    const request = await waiting();
    expect((await keelson(['status'])).out).toContain('main: paused by risk, only two people end it: paused by hand');
    expect((await keelson(words('approvals list'))).out).toMatch(
      new RegExp(`${request} +resume main from paused to normal +operator +explained .* pending +–`),
    );
    const questions: string[] = [];
    const answer = (text: string) => async (question: string) => {
      questions.push(question);
      return text;
    };
    const approve = ['approvals', 'approve', request, '--reason', 'seen', '--as', 'risk'];
    expect((await keelson(approve)).exitCode).toBe(2);
    expect(await keelson(approve, answer('y'))).toMatchObject({ exitCode: 1, error: 'Nothing was decided.\n' });
    expect(questions[0]).toMatch(
      /^resume main from paused to normal\n {2}asked by operator at .* UTC: explained\n {2}lapses at .* UTC.*\n {2}decided on version \d+ of the account.*\nType yes to approve it: $/,
    );
    expect(await keelson(approve, answer('yes'))).toMatchObject({
      exitCode: 0,
      out: expect.stringMatching(/^resume main, asked by operator: approved and carried out\.\nmain is in mode normal\./) as string,
    });
    expect(JSON.parse((await keelson(words('status --json'))).out)).toMatchObject({ accounts: [{ mode: 'normal', heldBy: null }] });
    expect((await keelson(words('approvals list'))).out).not.toContain(request);
    expect((await keelson(words('approvals list --all'))).out).toContain('risk: approved');
  });

  test('what can come to nothing any more waits for nobody, and is told so, also to whoever approves it', async () => {
    const request = await waiting();
    const agreed = await waiting();
    await store.pool.query(`update control set version = version + 1 where account = 'main'`);
    const came = await keelson(['approvals', 'approve', agreed, '--reason', 'seen', '--yes', '--as', 'risk']);
    const why = expect.stringMatching(
      / is lapsed \(the account has changed since .*\): nothing is done\. Who still wants it asks for it anew/,
    ) as string;
    expect(came).toMatchObject({ exitCode: 1, error: why });
    expect((await keelson(words('approvals list'))).out).not.toMatch(new RegExp(`${request}|${agreed}`));
    const all = (await keelson(words('approvals list --all'))).out;
    expect(all).toMatch(new RegExp(`${request} .* lapsed: (a pause or another mode came|the account has changed)`));
    expect(all).toMatch(new RegExp(`${agreed} .* lapsed: the account has changed .* version \\d+, and is at \\d+`));
  });

  test('a change of mode is told by the mode, and by the version that it was decided on', async () => {
    await keelson(words('pause --as risk'));
    const { error } = await keelson(words('mode reduceOnly --as operator --reason explained'));
    const request = /keelson approvals approve ([0-9a-f-]{36})/.exec(error)?.[1] ?? '';
    expect((await keelson(words('approvals list'))).out).toContain(`${request}  mode main from paused to reduceOnly`);
    const listed = JSON.parse((await keelson(words('approvals list --json'))).out) as { requests: object[] };
    expect(listed.requests[0]).toMatchObject({ requestId: request, mode: 'paused', expectedVersion: expect.any(Number) as number });
    await keelson(['approvals', 'refuse', request, '--reason', 'no', '--yes', '--as', 'risk']);
  });

  test('refused stays refused, and one’s own is not decided by oneself', async () => {
    const request = await waiting();
    expect((await keelson(['approvals', 'refuse', request, '--reason', 'not yet', '--yes', '--as', 'risk'])).out).toBe(
      'resume main, asked by operator: refused.\n',
    );
    expect((await keelson(['approvals', 'approve', request, '--reason', 'but yes', '--yes'])).error).toContain(
      'is refused: nothing is done',
    );
    const own = /approve ([0-9a-f-]{36})/.exec((await keelson(words('resume --as risk --reason mine'))).error)?.[1] ?? '';
    expect((await keelson(['approvals', 'approve', own, '--reason', 'mine', '--yes', '--as', 'risk'])).error).toBe(
      `Request ${own} was made by risk: another person has to decide it.\n`,
    );
    expect((await keelson(['approvals', 'approve', randomUUID(), '--reason', 'seen', '--yes'])).error).toContain('There is no request');
  });
});

describe('limits', () => {
  test('tighten at once, loosen with somebody else, and tell who and why', async () => {
    const set = (value: string, more: readonly string[] = []) =>
      keelson(['limits', 'set', 'maxOrderNotional', value, '--as', 'risk', '--reason', 'a thin book', ...more]);
    expect(await set('500', ['--strategy', 'momentum'])).toMatchObject({
      exitCode: 0,
      out: 'maxOrderNotional of strategy momentum is 500.\n',
    });
    const asked = await set('none', ['--strategy', 'momentum']);
    expect(asked).toMatchObject({ exitCode: 1, out: '' });
    const request = /keelson approvals approve ([0-9a-f-]{36})/.exec(asked.error)?.[1] ?? '';
    const approve = (as: string) => keelson(['approvals', 'approve', request, '--as', as, '--reason', 'agreed', '--yes']);
    expect((await approve('risk')).exitCode).toBe(1);
    expect((await keelson(words('limits list'))).out).toMatch(/maxOrderNotional +strategy momentum main +500 +– +1 .* risk +a thin book/);
    expect((await approve('owner')).out).toBe('loosenLimit main, asked by risk: approved and carried out.\n');
    expect((await keelson(words('limits list'))).out).not.toContain('strategy momentum');
    expect((await keelson(words('limits history'))).out).toMatch(/strategy momentum main +none +500 +2 .* risk with owner/);
  });

  test('a tightening says which overrides it has ended', async () => {
    const override = words('limits override maxOrderNotional 900000 --instrument BTC/USDT --minutes 5 --as risk --reason block');
    const request = /keelson approvals approve ([0-9a-f-]{36})/.exec((await keelson(override)).error)?.[1] ?? '';
    expect((await keelson(['approvals', 'approve', request, '--reason', 'agreed', '--yes'])).exitCode).toBe(0);
    const set = words('limits set maxOrderNotional 400 --instrument BTC/USDT --as risk --reason thin');
    expect((await keelson(set)).out).toBe(
      `maxOrderNotional of instrument BTC/USDT is 400. Override ${request} (900000 in BTC/USDT) let more pass: it has ended.\n`,
    );
    expect((await keelson(words('limits list'))).out).not.toContain(request);
  });

  test('a limit without which no entry passes is not taken away unasked, and is told as what it is', async () => {
    const set = (value: string, more: readonly string[] = [], ask?: Terminal['ask']) =>
      keelson(['limits', 'set', 'maxOpenOrders', value, '--as', 'risk', '--reason', 'a test', ...more], ask);
    await store.pool.query(
      `insert into limits (scope, scope_value, account, limit_key, value, version, subject, reason) values ('account', 'main', 'main', 'maxOpenOrders', '5', 1, 'configuration', 'a test')`,
    );
    const warning = 'Without maxOpenOrders no entry of account main passes, and to set it again takes two people.';
    expect(await set('none')).toMatchObject({ exitCode: 2, error: expect.stringContaining(warning) as string });
    const questions: string[] = [];
    const no = await set('none', [], async (question) => (questions.push(question), 'n'));
    expect(no).toMatchObject({ exitCode: 1, error: 'Nothing was changed.\n' });
    expect(questions[0]).toContain(warning);
    expect((await set('none', ['--yes'])).out).toBe(`maxOpenOrders of account main is none. ${warning}\n`);
    expect((await keelson(words('limits list'))).out).toMatch(/maxOpenOrders +account main +none: no entry passes +5 /);
    expect((await set('5')).error).toContain('Setting maxOpenOrders of account main from none, under which no entry passes, to 5 ');
  });

  test('a limit is of one thing', async () => {
    const both = ['limits', 'set', 'maxOpenOrders', '1', '--strategy', 'momentum', '--venue', 'paper', '--reason', 'a test'];
    expect(await keelson(both)).toMatchObject({ exitCode: 2, error: expect.stringContaining('A limit is of one thing') as string });
  });

  test('an override names the request that somebody else has to approve', async () => {
    const line = words('limits override maxOrderNotional 5000 --instrument BTC/USDT --minutes 30 --as trader --reason block');
    expect(await keelson(line)).toMatchObject({
      exitCode: 1,
      error: expect.stringMatching(/needs a second person.*approvals approve/) as string,
    });
    expect((await keelson(words('limits override maxOrderNotional 5000 --instrument BTC/USDT --minutes 0 --reason block'))).exitCode).toBe(
      2,
    );
  });
});

describe('under a halt', () => {
  let latchId = '';
  // After the API of each test listens.
  beforeEach(async () => {
    if (latchId !== '') return;
    // What was paused and halted before is not of this.
    await store.pool.query(`update control set mode = 'paused', held_by = null`);
    await store.pool.query('update latches set released_at = clock_timestamp() where released_at is null');
    const halted = await keelson(words('kill --account main --as trader --reason odd --json'));
    if (halted.exitCode !== 0) throw new Error(`nothing is halted: ${halted.error}`);
    ({ latchId } = JSON.parse(halted.out) as { latchId: string });
  });
  afterAll(() => store.pool.query('update latches set released_at = clock_timestamp() where released_at is null'));

  test('P30: what was asked before it was called again ends nothing, and both are told what to do', async () => {
    const asked = await keelson(['rearm', latchId, '--reason', 'fine', '--as', 'risk']);
    expect(asked).toMatchObject({ exitCode: 1, error: expect.stringContaining('needs a second person') as string });
    const request = /keelson approvals approve ([0-9a-f-]{36})/.exec(asked.error)?.[1] ?? '';
    expect((await keelson(words('approvals list'))).out).toMatch(new RegExp(`${request} +rearm account main .* +risk +fine .* pending`));
    expect((await keelson(words('kill --account main --as trader --reason again'))).out).toContain('HALTED already');
    const closed = {
      exitCode: 1,
      error: expect.stringMatching(
        /is overtaken: its halt was called again.*nothing is done.*asks for it anew.*approves that request/,
      ) as string,
    };
    expect(await keelson(['approvals', 'approve', request, '--reason', 'seen', '--yes'])).toMatchObject(closed);
    expect(await keelson(['rearm', '--request', request, '--reason', 'fine', '--as', 'risk'])).toMatchObject(closed);
    expect((await keelson(words('approvals list'))).out).not.toContain(request);
    expect((await keelson(words('approvals list --all'))).out).toMatch(new RegExp(`${request} .* overtaken`));
    expect((await keelson(words('halts'))).out).toContain(latchId);
  });

  test('nothing goes on by a resume, which says so, by its exit code too; a pause is a pause', async () => {
    const { exitCode, out } = await keelson(words('resume --as operator --reason calm'));
    expect({ exitCode, out }).toEqual({ exitCode: 1, out: expect.stringMatching(/^NOTHING GOES ON: main is halted\./) as string });
    expect(out).toContain('halted (account main) by trader: odd');
    expect(out).toContain(`keelson rearm ${latchId} --reason …`);
    expect((await keelson(words('mode reduceOnly --as operator --reason calm'))).exitCode).toBe(1);
    const paused = await keelson(words('pause --as operator'));
    expect(paused).toMatchObject({ exitCode: 0, out: expect.stringContaining('main is in mode killed. A halt stands over it:') as string });
  });

  test('to approve a resume is not to let anything go on: it says what is in force, by its exit code too', async () => {
    await keelson(words('pause --as risk'));
    const asked = await keelson(words('resume --as operator --reason calm'));
    const request = /keelson approvals approve ([0-9a-f-]{36})/.exec(asked.error)?.[1] ?? '';
    const { exitCode, out } = await keelson(['approvals', 'approve', request, '--reason', 'seen', '--yes', '--as', 'risk']);
    expect({ exitCode, out }).toEqual({
      exitCode: 1,
      out: expect.stringMatching(
        /^resume main, asked by operator: approved and carried out\.\nNOTHING GOES ON: main is halted\. The mode that was set counts when/,
      ) as string,
    });
    expect(out).toContain(`keelson rearm ${latchId} --reason …`);
  });

  test('over a part of an account a resume is one', async () => {
    await store.pool.query(`update latches set released_at = clock_timestamp() where latch_id = $1`, [latchId]);
    const narrow = await keelson(words('kill --strategy momentum --account main --as trader'));
    expect(narrow.out).toContain(
      'no order of strategy momentum begins to be sent any more in main.\nThe guardian cancels its open orders; what it holds stays',
    );
    const { exitCode, out } = await keelson(words('resume --as operator --reason calm'));
    expect({ exitCode, out }).toEqual({
      exitCode: 0,
      out: expect.stringMatching(/^main is in mode normal\. A halt stands over it:\n {2}halted \(strategy momentum\)/) as string,
    });
  });
});

test('what a runbook holds beneath a pause is not told as what was before it', async () => {
  const hold = { runId: randomUUID(), runbook: 'gracefulShutdown', mode: 'reduceOnly', was: 'normal', from: 'normal', since: 0 };
  const held = 'update control set mode = $1, runbook_hold = $2, reconciliation_hold = $3';
  await store.pool.query(held, ['reduceOnly', hold, null]);
  expect((await keelson(['status'])).out).toContain('main: held in reduceOnly by gracefulShutdown, before it was in normal: ');
  await store.pool.query(held, ['paused', hold, { was: 'reduceOnly', classes: ['foreignOrder'], since: '2026-11-23T10:00:00Z' }]);
  const { out } = await keelson(['status']);
  expect(out).toContain('main: it is paused for foreignOrder: keelson resume ends that when a comparison is clean');
  expect(out).toContain('main: beneath that pause held in reduceOnly by gracefulShutdown, and in normal when both have ended: ');
  expect(out).not.toContain('before it was in normal');
  await store.pool.query(held, ['normal', null, null]);
});

test('what an account is worth is rounded for people, and whole for programs', async () => {
  await store.pool.query(
    `insert into account_watch (account, quote, equity, equity_at, peak, drawdown_ratio, day_opening, day_flows, daily_pnl, daily_loss_ratio, exposure, runs)
     values ('main', 'USDT', 100900.123456789, now(), 101000.987654321, 0.001, 905, 0, -4.123456789123, 0, 12.5, '{}')`,
  );
  expect((await keelson(['watch'])).out).toMatch(/100900\.12 USDT +101000\.99 +0\.10 % +-4\.12345679 +.* 12\.5 /);
  expect((await keelson(words('watch --json'))).out).toContain('100900.123456789');
});

test('a kind of events that there is none of is not passed over in silence', async () => {
  const { exitCode, out } = await keelson(words('events --kind halt.engagd'));
  expect({ exitCode, out }).toEqual({
    exitCode: 0,
    out: expect.stringMatching(/^No events of kind halt\.engagd\. Kinds of the newest events: .*halt\.engaged, /) as string,
  });
  expect((await keelson(words('events --kind halt.engaged'))).out).toMatch(/halt\.engaged +main/);
});

test('incidents that are open say how they end', async () => {
  await store.pool.query(`insert into incidents (incident_key, account, kind, data) values ('odd', 'main', 'oddFill', '{}')`);
  const details = { code: 'X'.repeat(2_000) };
  await store.pool.query(`insert into incidents (incident_key, account, kind, data) values ('long', 'main', 'foreignFill', $1)`, [details]);
  const { out } = await keelson(words('incidents list'));
  expect(Math.max(...out.split('\n').map(({ length }) => length))).toBeLessThan(400);
  expect(out).toMatch(/foreignFill .* a fill/);
  expect(out).toContain('keelson incidents show <incident>');
  const [, newest = ''] = /^ *(\d+) +main +foreignFill/m.exec(out) ?? [];
  expect((await keelson(['incidents', 'show', newest])).out).toContain(`"code": "${details.code}"`);
  expect((await keelson(['incidents', 'show', '999'])).error).toContain('There is no incident 999');
  expect((await keelson(words('incidents list'))).out).toMatch(/oddFill(.|\n)*keelson incidents close <incident> --reason …\n$/);
});
