import { randomUUID } from 'node:crypto';
import type { Pool } from 'pg';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { telegramChat } from '../../adapters/notify/telegram-chat.js';
import { createChatHaltStore } from '../../adapters/store/chat-halt-store.js';
import { createChatReadingStore, readChatFacts } from '../../adapters/store/chat-reading-store.js';
import { openHaltStore, type HaltStore } from '../../adapters/store/halt-store.js';
import { openPool } from '../../adapters/store/pool.js';
import { eventually } from '../../test/support/eventually.js';
import { seedPerson } from '../../test/support/people.js';
import { testDatabase, type TestDatabase } from '../../test/support/postgres.js';
import { telegramStub, type TelegramStub } from '../../test/support/telegram-stub.js';
import { ChatHalts } from './chat-halts.js';

const TOKEN = '12345:secret-token';
const DESK = '-1001';
/** Telegram's ids of people. */
const [RIK, TINA, VERA, LENA, STRANGER] = ['11', '12', '13', '14', '99'];

describe('halts from a chat, with a Bot API of our own', () => {
  let database: TestDatabase;
  let pool: Pool;
  let halts: HaltStore;
  let telegram: TelegramStub;
  const guardians: ChatHalts[] = [];
  const warnings: string[] = [];

  const query = async <Row extends object>(text: string, ...values: unknown[]): Promise<Row[]> =>
    (await database.pool.query<Row>(text, values)).rows;

  beforeAll(async () => {
    database = await testDatabase();
    pool = openPool(database.url, { applicationName: 'test' });
    halts = openHaltStore(database.url);
    for (const account of ['main', 'other']) {
      await query(`insert into accounts (account, venue) values ($1, 'paper')`, account);
      await query('insert into control (account) values ($1)', account);
    }
    for (const [subject, role] of [
      ['rik', 'risk'],
      ['tina', 'trader'],
      ['vera', 'viewer'],
      ['lena', 'risk'],
    ] as const)
      await seedPerson(database.pool, subject, [role]);
    await query(`update people set deactivated_at = now() where subject = 'lena'`);
  });
  afterAll(async () => {
    await halts?.close();
    await pool?.end();
    await database?.drop();
  });
  beforeEach(async () => {
    telegram = await telegramStub(TOKEN);
    warnings.length = 0;
    await query('update latches set released_at = clock_timestamp() where released_at is null');
    await query('delete from outbox');
    await query('delete from chat_reading');
  });
  afterEach(async () => {
    for (const one of guardians.splice(0)) await one.close();
    await telegram.close();
  });

  const guardian = (from: Pool = pool, apiRoot = telegram.url): ChatHalts => {
    const one = new ChatHalts({
      chat: telegramChat({ token: TOKEN, apiRoot }),
      store: createChatHaltStore(from),
      reading: createChatReadingStore(from),
      reader: randomUUID(),
      halt: halts,
      chats: new Set([DESK]),
      people: new Map(Object.entries({ [RIK]: 'rik', [TINA]: 'tina', [VERA]: 'vera', [LENA]: 'lena' })),
      newCode: () => randomUUID().slice(0, 8),
      pause: () => new Promise((resolve) => setImmediate(resolve)),
      log: { warn: (data, message) => void warnings.push(`${message} ${JSON.stringify(data)}`) },
    });
    guardians.push(one);
    return one;
  };
  /** Writes, and waits for what the bot says to it. Messages are heard one after the other. */
  const ask = async (text: string, sender = RIK): Promise<string> => {
    const before = telegram.said.length;
    telegram.write(DESK, sender, text);
    await eventually(() => expect(telegram.said).toHaveLength(before + 1));
    return telegram.said[before]?.text ?? '';
  };
  const codeOf = (told: string): string => {
    const [, code] = /\/confirm (\S+)$/.exec(told) ?? [];
    if (code === undefined) throw new Error(`no code in: ${told}`);
    return code;
  };
  const standing = () =>
    query<{ scope: string; value: string; subject: string; policy: string }>(
      'select scope, scope_value as value, subject, policy from latches where released_at is null',
    );

  it('P25: what a person confirms is in the database before it is told, under that person’s name, and the workflow follows', async () => {
    guardian();
    const told = await ask('/kill everything sell');
    expect(told).toContain('Halt everything, and sell what is held there? Within a minute:');
    expect(await standing()).toEqual([]);
    expect(await ask(`/confirm ${codeOf(told)}`)).toMatch(/^HALTED: everything \(main, other\); what is held there is sold\. /);
    expect(await standing()).toEqual([{ scope: 'everything', value: '', subject: 'rik', policy: 'atOnce' }]);
    const wakes = await query<{ account: string }>(`select data->>'account' as account from outbox where kind = 'haltChanged' order by 1`);
    expect(wakes).toEqual([{ account: 'main' }, { account: 'other' }]);
    const audit = await query(`select kind, subject, data->>'chat' as chat from audit_events where kind like 'chat.%' order by event_id`);
    expect(audit).toEqual([
      { kind: 'chat.haltAsked', subject: 'rik', chat: DESK },
      { kind: 'chat.haltConfirmed', subject: 'rik', chat: DESK },
    ]);
  });

  it('whoever may not halt hears nothing, and people are told once a day of each', async () => {
    guardian();
    for (const sender of [STRANGER, VERA, LENA]) for (let turn = 0; turn < 2; turn += 1) telegram.write(DESK, sender, '/kill everything');
    // A person who may, in a chat that is none of ours.
    telegram.write('-555', RIK, '/kill everything');
    telegram.write(DESK, STRANGER, 'good morning');
    // All of them are heard before this.
    expect(await ask('/kill')).toMatch(/^Nothing is halted\. Say one of\n\/kill everything/);
    expect(telegram.said).toHaveLength(1);
    expect(await standing()).toEqual([]);
    const alerts = await query(
      `select split_part(alert_key, ':', 2) as sender, times from alerts where kind = 'chat.refused' order by alert_id`,
    );
    expect(alerts).toEqual([...[STRANGER, VERA, LENA].map((sender) => ({ sender, times: 2 })), { sender: RIK, times: 1 }]);
  });

  it('only who asked confirms, within a minute; roles count at that moment', async () => {
    guardian();
    const code = codeOf(await ask('/kill account main'));
    expect(await ask(`/confirm ${code}`, TINA)).toContain('NOT HALTED');
    expect(await ask('/confirm 00000000')).toContain('NOT HALTED');
    await query(`update chat_halts set expires_at = clock_timestamp() where code = $1`, code);
    expect(await ask(`/confirm ${code}`)).toContain('NOT HALTED');
    const another = codeOf(await ask('/kill account main', TINA));
    await query(`update people set roles = '{viewer}' where subject = 'tina'`);
    telegram.write(DESK, TINA, `/confirm ${another}`);
    expect(await ask('/kill account mian')).toMatch(
      /^Careful: no account is under account mian\. Known: main, other\.\nHalt account mian \(what is held stays, with its stops\)\? /,
    );
    await query(`update people set roles = '{trader}' where subject = 'tina'`);
    expect(await standing()).toEqual([]);
    // The same code again, now that the person may: it is good for its minute.
    expect(await ask(`/confirm ${another}`, TINA)).toContain('HALTED: account main (main); what is held stays, with its stops. ');
    expect(await standing()).toMatchObject([{ scope: 'account', value: 'main', subject: 'tina' }]);
  });

  it('tells of the halt that stands, and writes down each time that a person calls it', async () => {
    guardian();
    const confirm = async (text: string, sender = RIK): Promise<string> => ask(`/confirm ${codeOf(await ask(text, sender))}`, sender);
    const first = await confirm('/kill account main sell');
    const latchId = /Halt (\S+)\.$/.exec(first)?.[1];
    expect(await confirm('/kill account main', TINA)).toBe(
      `HALTED already: account main (main); what is held there is sold, since it was called so before. No order begins to be sent there any more. Halt ${latchId}.`,
    );
    const audit = await query(
      `select kind, subject, data->>'policy' as policy, data->>'by' as by from audit_events where data->>'latchId' = $1 order by event_id`,
      latchId,
    );
    expect(audit).toEqual([
      { kind: 'halt.engaged', subject: 'rik', policy: 'atOnce', by: 'chat' },
      { kind: 'halt.repeated', subject: 'tina', policy: 'atOnce', by: 'chat' },
    ]);
  });

  it('latches what has left the configuration, says that nothing is under it, and that is in the audit', async () => {
    await query(`update accounts set retired_at = clock_timestamp() where account = 'other'`);
    try {
      guardian();
      expect(await ask(`/confirm ${codeOf(await ask('/kill account other'))}`)).toMatch(
        /^NOTHING IS HALTED: no account is under account other\. Known: main\. The latch stands \(/,
      );
      expect(await standing()).toMatchObject([{ scope: 'account', value: 'other' }]);
      const audit = await query(`select account, subject from audit_events where kind = 'halt.engaged' and data->>'scopeValue' = 'other'`);
      expect(audit).toEqual([{ account: null, subject: 'rik' }]);
    } finally {
      await query(`update accounts set retired_at = null where account = 'other'`);
    }
  });

  it('where no account has anything of a name it says so, and that it is halted all the same', async () => {
    await query(`insert into active_strategies (account, strategy, instrument, version) values ('main', 'momentum', 'BTC/USDT', '1')`);
    guardian();
    for (const account of ['other', 'mian']) {
      const asked = await ask(`/kill strategy momentum ${account}`);
      const told = `no account trades or holds anything of strategy momentum in ${account}. Known: momentum in main.`;
      expect(asked).toContain(`Careful: ${told}\nHalt strategy momentum in ${account} `);
      expect(await ask(`/confirm ${codeOf(asked)}`)).toContain(`NOTHING IS HALTED: ${told} The latch stands (`);
      expect(await standing()).toMatchObject([{ scope: 'strategy', value: 'momentum' }]);
      await query('update latches set released_at = clock_timestamp()');
    }
    expect(await ask('/kill strategy momentum main')).toMatch(/^Halt strategy momentum in main/);
    expect(await ask('/kill strategy momentum')).toMatch(/^Halt strategy momentum /);
  });

  it('another guardian hears the second word; one that could not read goes on, and says no token', async () => {
    const first = guardian();
    const code = codeOf(await ask('/kill venue paper'));
    await first.close();
    telegram.refusal = 409;
    guardian();
    await eventually(() => expect(warnings.join()).toContain('Telegram’s error 409'));
    telegram.refusal = undefined;
    telegram.write(DESK, RIK, `/confirm ${code}`);
    // What the first one heard last it may not have called done: then it is heard, and answered, once more.
    await eventually(() => expect(telegram.said.map(({ text }) => text)).toContainEqual(expect.stringMatching(/^HALTED: venue paper/)));
    expect(await standing()).toMatchObject([{ scope: 'venue', value: 'paper', subject: 'rik' }]);
    expect(warnings.join()).not.toContain('secret');
  });

  it('people are told that nobody is heard there any more, with what to do about it and no token, until somebody is', async () => {
    const aged = () =>
      query(`update chat_reading set tried_since = tried_since - interval '121 seconds', read_at = read_at - interval '121 seconds'`);
    const alerts = () =>
      query<{ summary: string; severity: string; again: boolean }>(
        `select summary, severity, next_at is not null as again from alerts where kind = 'chat.silent' order by alert_id`,
      );
    guardian();
    expect(await ask('/kill')).toContain('Nothing is halted');
    await eventually(async () => expect(await readChatFacts(pool)).toMatchObject({ state: 'read', failure: null }));
    const advice = { 409: 'Delete the webhook of the bot', 401: 'KEELSON_TELEGRAM_TOKEN' };
    for (const [position, status] of ([409, 401] as const).entries()) {
      telegram.refusal = status;
      // What waits already ends first.
      telegram.write(DESK, STRANGER, 'good morning');
      await eventually(async () => expect((await readChatFacts(pool)).failure).toContain(`Telegram’s error ${status} (refused …)`));
      expect(await alerts()).toHaveLength(position);
      await aged();
      await eventually(async () => expect(await alerts()).toHaveLength(position + 1));
      const told = (await alerts())[position];
      expect(told).toMatchObject({ severity: 'error', again: true });
      expect(told?.summary).toMatch(/^The chat in which people halt was not read for two minutes: /);
      expect(told?.summary).toContain(advice[status]);
      expect(await readChatFacts(pool)).toMatchObject({ state: 'silent', failure: expect.stringContaining(advice[status]) });
      telegram.refusal = undefined;
      await eventually(async () => {
        // Whether others read, too, is known a minute after the last that was seen of them; one call may have been refused just now.
        await query(`update chat_reading set contested_at = contested_at - interval '61 seconds'`);
        telegram.write(DESK, STRANGER, 'good evening');
        expect((await alerts())[position]?.again).toBe(false);
        expect(await readChatFacts(pool)).toMatchObject({ state: 'read', failure: null });
      });
    }
    expect(JSON.stringify([warnings, await query('select summary, data from alerts')])).not.toContain('secret');
  });

  it('of several guardians one reads, and another as soon as that one has ended', async () => {
    const first = guardian();
    await eventually(async () => expect(await query('select from chat_reading where reads_until > clock_timestamp()')).toHaveLength(1));
    guardian();
    expect(await ask('/kill')).toContain('Nothing is halted');
    expect(telegram.most).toBe(1);
    await first.close();
    telegram.write(DESK, RIK, '/confirm 00000000');
    // What the first one heard last may be heard once more.
    await eventually(() => expect(telegram.said.map(({ text }) => text).join()).toContain('NOT HALTED'));
    expect(telegram.most).toBe(1);
  });

  it('one that cannot read leaves the turn to another that can', async () => {
    guardian(pool, 'http://127.0.0.1:1');
    await eventually(() => expect(warnings.length).toBeGreaterThan(2));
    guardian();
    expect(await ask('/kill')).toContain('Nothing is halted');
    await eventually(async () => expect(await readChatFacts(pool)).toMatchObject({ state: 'read' }));
  });

  it('without the database it says that nothing is halted, and what to do', async () => {
    const away = openPool('postgres://nobody@127.0.0.1:1/none', { applicationName: 'test' });
    guardian(away);
    expect(await ask('/kill everything')).toBe('NOT HALTED: the database did not answer. Say it again, or: keelson kill --direct');
    await away.end();
  });
});
