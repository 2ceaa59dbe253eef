import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ForeignFill, LedgerStore, Movement } from '../../activities/ports/ledger.js';
import { amountsOf, decimal, type Amounts, type DecimalText } from '../../core/money/index.js';
import { compare } from '../../core/reconcile/compare.js';
import { RECONCILE } from '../../core/reconcile/rules.js';
import { carriedForward, differenceOf } from '../../core/watch/carried.js';
import { seedPerson } from '../../test/support/people.js';
import { testDatabase, type TestDatabase } from '../../test/support/postgres.js';
import { createControlStore } from './control-store.js';
import { createLedgerStore } from './ledger-store.js';
import { createReconcileStore } from './reconcile-store.js';
import { createWatchStore } from './watch-store.js';

const d = (text: string): DecimalText => text as DecimalText;

describe('movements', () => {
  let database: TestDatabase;
  let store: LedgerStore;
  const keys: Record<string, string> = {};
  let incidents = 0;

  beforeAll(async () => {
    database = await testDatabase();
    store = createLedgerStore(database.pool);
    for (const role of ['operator', 'admin', 'trader'] as const) keys[role] = await seedPerson(database.pool, role, [role]);
    for (const account of ['main', 'other']) {
      const control = createControlStore(database.pool);
      await control.applyConfiguration({ account, venue: 'paper', limits: {}, strategies: [], subject: 'test' });
      await control.onboard(account, { USDT: d('1000') });
    }
  });
  afterAll(() => database?.drop());

  const movement = (changed: Partial<Movement>): Movement => ({
    movementId: randomUUID(),
    account: 'main',
    asset: 'USDT',
    amount: d('50'),
    kind: 'deposit',
    eventTime: 1_700_000_000_000,
    venueReference: randomUUID(),
    incidentId: null,
    reason: 'a test',
    subject: 'reconciliation',
    underKey: null,
    ...changed,
  });
  const incident = async (account = 'main'): Promise<string> => {
    incidents += 1;
    const { rows } = await database.pool.query<{ incident_id: string }>(
      `insert into incidents (incident_key, account, kind, data) values ($1, $2, 'aTest', '{}') returning incident_id`,
      [`test:${incidents}`, account],
    );
    return rows[0]?.incident_id ?? '';
  };
  const entriesOf = async (movementId: string) =>
    (
      await database.pool.query<{ line: string }>(
        `select concat_ws(' ', account, ledger_account, asset, trim_scale(delta)) as line from ledger_entries where movement_id = $1 order by entry_id`,
        [movementId],
      )
    ).rows.map((row) => row.line);
  const held = async (account: string, asset = 'USDT') =>
    (
      await database.pool.query<{ quantity: string; moved: string }>(
        `select trim_scale(quantity)::text as quantity, trim_scale(moved)::text as moved from inventory where account = $1 and asset = $2`,
        [account, asset],
      )
    ).rows[0];
  const audits = async (movementId: string) =>
    (await database.pool.query(`select account, subject from audit_events where data->>'movementId' = $1 order by event_id`, [movementId]))
      .rows;

  it('books a deposit once, with its counter-entry, its balance and its audit event', async () => {
    const deposit = movement({ amount: d('50.000000001') });
    expect(await store.bookMovement(deposit)).toEqual({ kind: 'booked', movementId: deposit.movementId, balance: '1050.000000001' });
    expect(await store.bookMovement({ ...deposit, reason: 'told again' })).toEqual({ kind: 'known', movementId: deposit.movementId });
    expect(await entriesOf(deposit.movementId)).toEqual(['main venue USDT 50.000000001', 'main external USDT -50.000000001']);
    expect(await held('main')).toEqual({ quantity: '1050.000000001', moved: '50.000000001' });
    // To the gate it is balance, to a halt what is not to be sold.
    const { rows } = await database.pool.query(
      `select read_risk('main', '', '')->'balances'->>'USDT' as balance, read_kill('main')->'inventory'->>'USDT' as kept`,
    );
    expect(rows).toEqual([{ balance: '1050.000000001', kept: '1050.000000001' }]);
    expect(await audits(deposit.movementId)).toEqual([{ account: 'main', subject: 'reconciliation' }]);
    expect(await store.bookMovement({ ...deposit, amount: d('51') })).toEqual({ kind: 'refused', why: 'otherMovement' });
    // Seen again by another process, which gave it an id of its own: the venue's reference is the same.
    expect(await store.bookMovement({ ...deposit, movementId: randomUUID() })).toEqual({ kind: 'known', movementId: deposit.movementId });
    const used = { ...deposit, movementId: randomUUID(), amount: d('7') };
    expect(await store.bookMovement(used)).toEqual({ kind: 'refused', why: 'referenceUsed' });
  });

  it('books each once, however many do so at once', async () => {
    const before = await held('main');
    const deposit = movement({ amount: d('1') });
    const seen = await Promise.all(
      Array.from({ length: 8 }, (_, index) => store.bookMovement(index % 2 === 0 ? deposit : { ...deposit, movementId: randomUUID() })),
    );
    expect(seen.filter(({ kind }) => kind === 'booked')).toHaveLength(1);
    expect(seen.filter(({ kind }) => kind !== 'booked').map(({ kind }) => kind)).toEqual(Array.from({ length: 7 }, () => 'known'));
    expect(Number((await held('main'))?.quantity) - Number(before?.quantity)).toBe(1);
  });

  it('a transfer is balanced in both accounts, and its other side is known', async () => {
    const other = await held('other');
    const transfer = movement({ kind: 'transfer', amount: d('-20'), counterAccount: 'other', counterReference: 'there' });
    expect(await store.bookMovement(transfer)).toMatchObject({ kind: 'booked' });
    expect(await entriesOf(transfer.movementId)).toEqual([
      'main venue USDT -20',
      'main transfers USDT 20',
      'other venue USDT 20',
      'other transfers USDT -20',
    ]);
    expect(Number((await held('other'))?.quantity)).toBe(Number(other?.quantity) + 20);
    expect(await audits(transfer.movementId)).toHaveLength(2);
    const seenThere = movement({ account: 'other', amount: d('20'), venueReference: 'there' });
    expect(await store.bookMovement(seenThere)).toEqual({ kind: 'known', movementId: transfer.movementId });
  });

  it('a correction needs an open incident of the account and a person who may', async () => {
    const correction = movement({ kind: 'correction', amount: d('-0.5'), venueReference: null, subject: 'operator' });
    const book = (changed: Partial<Movement>) => store.bookMovement({ ...correction, ...changed });
    const open = await incident();
    const closed = await incident();
    await database.pool.query('update incidents set closed_at = clock_timestamp() where incident_id = $1', [closed]);
    const underKey = keys['operator'] ?? '';
    expect(await book({ underKey })).toEqual({ kind: 'refused', why: 'incident' });
    expect(await book({ incidentId: open })).toEqual({ kind: 'refused', why: 'person' });
    expect(await book({ incidentId: open, underKey: keys['admin'] ?? '' })).toEqual({ kind: 'refused', why: 'person' });
    expect(await book({ incidentId: open, subject: 'trader', underKey: keys['trader'] ?? '' })).toEqual({ kind: 'refused', why: 'person' });
    expect(await book({ incidentId: closed, underKey })).toEqual({ kind: 'refused', why: 'incident' });
    expect(await book({ incidentId: await incident('other'), underKey })).toEqual({ kind: 'refused', why: 'incident' });
    expect(await book({ incidentId: open, underKey })).toMatchObject({ kind: 'booked' });
    expect(await entriesOf(correction.movementId)).toEqual(['main venue USDT -0.5', 'main corrections USDT 0.5']);
    await database.pool.query('update api_keys set revoked_at = clock_timestamp() where key_id = $1', [keys['admin']]);
    expect(await book({ movementId: randomUUID(), incidentId: open, subject: 'admin', underKey: keys['admin'] ?? '' })).toEqual({
      kind: 'refused',
      why: 'person',
    });
  });

  it.each([
    [{ amount: d('0') }, 'amount'],
    [{ amount: d('1e3') }, 'amount'],
    [{ amount: d('-1') }, 'amount'],
    [{ kind: 'withdrawal' }, 'amount'],
    [{ kind: 'transfer', amount: d('-1') }, 'counterAccount'],
    [{ kind: 'transfer', amount: d('-1'), counterAccount: 'main' }, 'counterAccount'],
    [{ counterAccount: 'other' }, 'counterAccount'],
    [{ account: 'nobody' }, 'account'],
    [{ asset: '' }, 'asset'],
    [{ asset: 'constructor' }, 'asset'],
    [{ asset: 'toString' }, 'asset'],
    [{ asset: '__proto__' }, 'asset'],
    [{ asset: 'usdt' }, 'asset'],
    [{ asset: 'A B' }, 'asset'],
    [{ asset: 'A/B' }, 'asset'],
    [{ asset: 'A\n' }, 'asset'],
    [{ asset: 'A\u200B' }, 'asset'],
    [{ asset: '币安\u3000人生' }, 'asset'],
    [{ asset: '币'.repeat(41) }, 'asset'],
    [{ asset: 'A'.repeat(41) }, 'asset'],
    [{ amount: d('1'.repeat(19)) }, 'amount'],
    [{ amount: d(`0.${'1'.repeat(37)}`) }, 'amount'],
    [{ eventTime: 0 }, 'eventTime'],
    [{ eventTime: 1_230_767_999_999 }, 'eventTime'],
    [{ eventTime: 999_999_999_999_999 }, 'eventTime'],
    [{ eventTime: Date.now() + 3_600_000 }, 'eventTime'],
    [{ reason: ' ' }, 'reason'],
    [{ venueReference: null }, 'person'],
    [{ incidentId: '999999' }, 'incident'],
    [{ epoch: 0 }, 'epoch'],
  ] as [Partial<Movement>, string][])('refuses %j, and says why: %s', async (changed, why) => {
    expect(await store.bookMovement(movement(changed))).toEqual({ kind: 'refused', why });
  });

  it.each(['币安人生', '1000SATS', 'ETH2.S'])('books %s, as its venue names it', async (asset) => {
    expect(await store.bookMovement(movement({ asset }))).toMatchObject({ kind: 'booked' });
  });

  it('reads and compares an account whose books have assets with names that every object knows', async () => {
    const control = createControlStore(database.pool);
    await control.applyConfiguration({ account: 'strange', venue: 'paper', limits: {}, strategies: [], subject: 'test' });
    await control.onboard('strange', { USDT: d('1000') });
    const names = ['__proto__', 'constructor', 'toString'];
    // As an older build has booked them, with an amount of thirty digits besides.
    await database.pool.query(
      `insert into inventory (account, asset, quantity, moved) select 'strange', name, repeat('9', 30)::numeric + 1, 0 from unnest($1::text[]) name`,
      [names],
    );
    const client = await database.pool.connect();
    await client.query('set session_replication_role = replica');
    await client.query(
      `update audit_events set data = jsonb_set(data, '{inventory}', data->'inventory' || (select jsonb_object_agg(name, repeat('9', 30)::numeric + 1)
         from unnest($1::text[]) name)) where account = 'strange' and kind = 'account.onboarded'`,
      [names],
    );
    await client.query('set session_replication_role = origin');
    client.release();
    const question = { account: 'strange', fillsSince: 0, clientOrderIds: [], venueOrders: [], workflows: [], balances: {}, isFull: true };
    const { known, needed: _, keys: __, ...ledger } = await createReconcileStore(database.pool).read(question);
    const sides = { ledger: { ...ledger, account: 'strange', protected: [] }, workflows: undefined, isFull: true };
    const at = (balances: Amounts) => {
      const venue = { venueTime: 0, openOrders: [], fillsSince: 0, fills: [], balances };
      return compare({ ...sides, venue }, known, RECONCILE).differences.map(({ subject, fingerprint }) => `${subject} ${fingerprint}`);
    };
    const amount = `1${'0'.repeat(30)}`;
    const balances = [...names.map((name) => [name, decimal(amount)] as const), ['USDT', decimal('1000')] as const];
    expect(at(amountsOf(balances))).toEqual([]);
    expect(at(amountsOf([['USDT', decimal('1000')]]))).toEqual(names.map((name) => `balance:${name} -${amount}`));
    const watched = (await createWatchStore(database.pool).read('strange', []))?.ledger ?? {};
    expect(differenceOf(carriedForward(watched, amountsOf([['valueOf', decimal('2')]])), watched)).toEqual({ valueOf: '2' });
  });

  describe('of a coin that positions hold', () => {
    const move = (amount: string, changed: Partial<Movement> = {}) =>
      store.bookMovement(
        movement({
          ...{ account: 'coins', asset: 'BTC', amount: d(amount), kind: amount.startsWith('-') ? 'withdrawal' : 'deposit' },
          ...{ venueReference: null, subject: 'operator', underKey: keys['operator'] ?? '', ...changed },
        }),
      );
    /** A comparison has found that so much more is there than the books say. */
    const shown = async (amount: string, balance: string): Promise<void> => {
      await database.pool.query(`delete from reconciliation_differences where account = 'coins'`);
      await database.pool.query(
        `with run as (insert into reconciliation_runs (run_id, account, scope) values (gen_random_uuid(), 'coins', 'minute') returning run_id)
         insert into reconciliation_differences (account, class, seen_as, subject, fingerprint, treatment, status, deltas, evidence, first_run, last_run)
           select 'coins', 'balanceMovement', 'balanceMovement', 'balance:BTC', $1, 'secondLook', 'open', jsonb_build_object('BTC', $1::text),
             jsonb_build_object('venue', '{}'::jsonb, 'ledger', jsonb_build_object('asset', 'BTC', 'balance', $2::text)), run_id, run_id from run`,
        [amount, balance],
      );
    };
    beforeAll(async () => {
      const control = createControlStore(database.pool);
      await control.applyConfiguration({ account: 'coins', venue: 'paper', limits: {}, strategies: [], subject: 'test' });
      await control.onboard('coins', { USDT: d('1000'), BTC: d('2') });
      await database.pool.query(
        `insert into positions (account, strategy, instrument, quantity, cost, realized_pnl) values ('coins', 'momentum', 'BTC/USDT', 1.5, 100, 0)`,
      );
    });

    it('nobody takes by hand what they hold, nor adds what the venue has not shown', async () => {
      expect(await move('-0.6')).toEqual({ kind: 'refused', why: 'held' });
      expect(await move('-0.6', { kind: 'transfer', counterAccount: 'other' })).toEqual({ kind: 'refused', why: 'held' });
      expect(await move('-0.5')).toMatchObject({ kind: 'booked', balance: '1.5' });
      expect(await move('1')).toEqual({ kind: 'refused', why: 'unshown' });
      expect(await move('-1', { account: 'other', kind: 'transfer', counterAccount: 'coins' })).toEqual({
        kind: 'refused',
        why: 'unshown',
      });
      // What no position holds is booked as ever.
      expect(await move('-20', { asset: 'USDT' })).toMatchObject({ kind: 'booked' });
    });

    it('what a comparison has found is booked, and once', async () => {
      await shown('1', '1.5');
      expect(await move('1.1')).toEqual({ kind: 'refused', why: 'unshown' });
      expect(await move('1')).toMatchObject({ kind: 'booked', balance: '2.5' });
      expect(await move('1')).toEqual({ kind: 'refused', why: 'unshown' });
      await shown('-1.2', '2.5');
      expect(await move('-1.3')).toEqual({ kind: 'refused', why: 'held' });
      expect(await move('-1.2')).toMatchObject({ kind: 'booked', balance: '1.3' });
    });

    it('what a part of ours reads in the venue’s own list is booked', async () => {
      expect(await move('0.7', { subject: 'reconciliation', underKey: null, venueReference: 'there' })).toMatchObject({ kind: 'booked' });
    });
  });

  it('a trade by hand is booked as what it is, by a person over its incident, and is no strategy’s', async () => {
    const foreign: ForeignFill = {
      movementId: randomUUID(),
      account: 'main',
      incidentId: await incident(),
      reason: 'bought by hand',
      subject: 'operator',
      underKey: keys['operator'] ?? '',
      fill: {
        venueTradeId: '1',
        venueOrderId: '2',
        instrument: 'BTC/USDT',
        side: 'buy',
        price: d('100'),
        quantity: d('0.5'),
        fee: d('0.001'),
        feeAsset: 'BNB',
        liquiditySide: 'taker',
        eventTime: 1_700_000_000_000,
      },
    };
    expect(await store.bookForeignFill({ ...foreign, underKey: randomUUID() })).toEqual({ kind: 'refused', why: 'person' });
    expect(await store.bookForeignFill(foreign)).toEqual({ kind: 'booked', movementId: foreign.movementId });
    expect(await store.bookForeignFill(foreign)).toEqual({ kind: 'known', movementId: foreign.movementId });
    expect(await entriesOf(foreign.movementId)).toEqual([
      'main venue BTC 0.5',
      'main trading BTC -0.5',
      'main venue USDT -50',
      'main trading USDT 50',
      'main venue BNB -0.001',
      'main fees BNB 0.001',
    ]);
    expect(await held('main', 'BTC')).toEqual({ quantity: '0.5', moved: '0.5' });
    const { rows } = await database.pool.query(`select origin, intent_id, movement_id from fills where venue_trade_id = '1'`);
    expect(rows).toEqual([{ origin: 'foreign', intent_id: null, movement_id: foreign.movementId }]);
    expect((await database.pool.query(`select from positions where account = 'main'`)).rowCount).toBe(0);
  });

  it('moves nothing that the watch has counted already as deposited', async () => {
    const watch = createWatchStore(database.pool);
    const before = (await watch.read('main', []))?.ledger;
    await store.bookMovement(movement({ amount: d('300') }));
    expect((await watch.read('main', []))?.ledger).toEqual(before);
  });

  it('nothing of it can be changed, taken away, or added without its other half', async () => {
    for (const change of [
      'update ledger_movements set amount = 1',
      'delete from ledger_movements',
      'truncate ledger_movements cascade',
      'update ledger_entries set delta = 0',
    ]) {
      await expect(database.pool.query(change)).rejects.toThrow(/append-only/);
    }
    const alone = `insert into ledger_entries (account, asset, delta, kind, ledger_account) values ('main', 'USDT', 1, 'fee', 'venue')`;
    await expect(database.pool.query(alone)).rejects.toThrow('entries do not sum to zero: main USDT 1');
  });
});
