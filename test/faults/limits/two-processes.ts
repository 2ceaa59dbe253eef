import { fork, type ChildProcess } from 'node:child_process';
import { join } from 'node:path';
import { clientOrderIdOf } from '../../../activities/order/client-order-id.js';
import { createWithdraw } from '../../../activities/order/resolve.js';
import { createControlStore } from '../../../adapters/store/control-store.js';
import { rootFolder } from '../../../config/index.js';
import type { ConfiguredLimits } from '../../../core/risk/limits.js';
import { intentIdOf } from '../../../core/signal/signal.js';
import { OTHER_KEY, OTHER_SECRET, TEST_KEY, TEST_SECRET } from '../../../exchange/testing/open-venue.js';
import { eventually } from '../../support/eventually.js';
import { openLedger, type Ledger } from '../../support/ledger.js';
import { openPaperAccount, type PaperAccount } from '../../support/paper-account.js';
import { testDatabase, type TestDatabase } from '../../support/postgres.js';
import { assertBuild } from '../crash/servers.js';
import type { AskedEntry, EntriesOptions, EntriesVenue, EntryAnswer } from '../programs/entries.js';
import type { AskedOrder } from './journal-limits.js';

export const LIMIT_MS = 60_000;

/** A venue of its own with two accounts of ours. */
export interface Lane {
  readonly accounts: readonly [PaperAccount, PaperAccount];
}

/** An entry that was asked for: what there is to know of an order besides what the venue says. */
export interface AskedOf extends AskedOrder {
  /** 0 or 1. */
  readonly process: number;
  /** From before the gate until the venue had answered, ms; not before that. */
  readonly tookMs?: number;
}

/** Two programs that make entries beside each other, over one ledger. */
export class TwoProcesses {
  readonly database: TestDatabase;
  readonly ledger: Ledger;
  /** What became of the entries since it was emptied: the codes of denials, or `sent`. */
  readonly outcomes = new Set<string>();
  private readonly instanceId: string;
  private readonly programs: readonly ChildProcess[];
  private readonly asked = new Map<string, AskedOf>();
  private lane: Lane | undefined;
  private count = 0;

  private constructor(database: TestDatabase, ledger: Ledger, instanceId: string, programs: readonly ChildProcess[]) {
    this.database = database;
    this.ledger = ledger;
    this.instanceId = instanceId;
    this.programs = programs;
  }

  /** @param names those of the lanes that may be opened */
  static async open(names: readonly string[]): Promise<TwoProcesses> {
    await assertBuild();
    const database = await testDatabase();
    const ledger = await openLedger(database);
    const { instanceId } = await createControlStore(ledger.pool).epoch();
    const options = { url: database.url, accounts: names.flatMap((name) => [name, besideOf(name)]) } satisfies EntriesOptions;
    const program = join(rootFolder(), 'dist', 'test', 'faults', 'programs', 'entries.js');
    const programs = [0, 1].map(() => fork(program, [JSON.stringify(options)]));
    await Promise.all(programs.map((one) => new Promise((resolve) => one.once('message', resolve))));
    return new TwoProcesses(database, ledger, instanceId, programs);
  }

  /** Leaves the lane before, and opens one on which nobody has traded yet; its two accounts have these limits. */
  async enterLane(name: string, limits: readonly [ConfiguredLimits, ConfiguredLimits]): Promise<Lane> {
    await this.leaveLane();
    const first = await openPaperAccount({ account: name, venueName: `paper-${name}`, keepWarmMs: LIMIT_MS });
    const accounts = [first, await first.beside(besideOf(name))] as const;
    this.lane = { accounts };
    await this.ledger.enrol(accounts[0], undefined, limits[0]);
    await this.ledger.enrol(accounts[1], undefined, limits[1]);
    this.outcomes.clear();
    return this.lane;
  }

  async close(): Promise<void> {
    for (const one of this.programs) one.kill('SIGKILL');
    await this.leaveLane();
    await this.ledger.close();
    await this.database.drop();
  }

  private async leaveLane(): Promise<void> {
    await this.ledger.stopBeating();
    for (const account of this.lane?.accounts.toReversed() ?? []) await account.close();
    this.lane = undefined;
  }

  /** The close of the bar of the next entry, so that no two have the same signal. */
  nextBar(): number {
    return (this.count += 1) * 1_000;
  }

  /** Has one of the two make an entry, and waits for what becomes of it. */
  async enter(process: number, entry: Omit<AskedEntry, 'id' | 'at'>): Promise<void> {
    const { signal } = entry;
    const at = this.venueOf(signal.account);
    const { strategy, referencePrice: reference, barCloseTime: id } = signal;
    const clientOrderId = clientOrderIdOf(this.instanceId, intentIdOf(signal));
    this.asked.set(clientOrderId, { strategy, reference, process });
    const program = this.programs[process];
    const { codes, tookMs } = await new Promise<EntryAnswer>((resolve) => {
      const hear = (answer: EntryAnswer): void => {
        if (answer.id !== id) return;
        program?.off('message', hear);
        resolve(answer);
      };
      program?.on('message', hear);
      program?.send({ id, at, ...entry });
    });
    this.asked.set(clientOrderId, { strategy, reference, process, tookMs });
    for (const code of codes) this.outcomes.add(code);
  }

  /** What was asked for that became this order. @throws where nobody has asked */
  readonly askedOf = (clientOrderId: string): AskedOf => {
    const asked = this.asked.get(clientOrderId);
    if (asked === undefined) throw new Error(`nobody asked for ${clientOrderId}`);
    return asked;
  };

  /** Cancels what rests of an account, and waits until that is over. */
  async cancel(account: string): Promise<void> {
    const withdraw = createWithdraw(this.ledger.dependencies);
    const { rows } = await this.database.pool.query<{ id: string }>(
      'select intent_id as id from orders where account = $1 and final_at is null',
      [account],
    );
    const end = async (id: string): Promise<void> => {
      const { order } = await withdraw(id, 'test');
      if (!order.isFinal) throw new Error(`order ${id} is ${order.status} still`);
    };
    for (const { id } of rows) await eventually(() => end(id), LIMIT_MS);
  }

  private venueOf(account: string): EntriesVenue {
    const index = this.lane?.accounts.findIndex((one) => one.account === account) ?? -1;
    const key = KEYS[index];
    const addresses = this.lane?.accounts[0].addresses;
    if (key === undefined || addresses === undefined) throw new Error(`${account} is not of this lane`);
    return { addresses, ...key };
  }
}

const KEYS = [
  { apiKey: TEST_KEY, secret: TEST_SECRET },
  { apiKey: OTHER_KEY, secret: OTHER_SECRET },
] as const;
const besideOf = (name: string): string => `${name}-2`;
