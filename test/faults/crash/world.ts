import { Client, Connection, WorkflowExecutionAlreadyStartedError, type WorkflowHandle } from '@temporalio/client';
import { randomUUID } from 'node:crypto';
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Pool } from 'pg';
import { SEARCH_ATTRIBUTES } from '../../../core/search-attributes.js';
import { signalWorkflowId, type TradeSignal } from '../../../core/signal/signal.js';
import type { OrderOutcome } from '../../../workflows/order/status.js';
import type { DecimalText } from '../../../core/money/index.js';
import { Body } from '../../../exchange/admin/body.js';
import { faultRuleOf } from '../../../exchange/admin/fault-body.js';
import { readJournal } from '../../../exchange/journal/reader.js';
import type { JournalLine } from '../../../exchange/journal/record.js';
import { serve, type Serving } from '../../../exchange/serve.js';
import { TEST_KEY, TEST_SECRET, testVenue } from '../../../exchange/testing/open-venue.js';
import type { Venue as PaperVenue } from '../../../exchange/venue.js';
import { TASK_QUEUES, WORKFLOW_TYPES } from '../../../workflows/names.js';
import type { TestDatabase } from '../../support/postgres-server.js';
import { disagreements, readWitness, type Witness } from '../../support/witness.js';
import { brokenRules } from '../journal-rules.js';
import { Program, type RoleName } from './program.js';
import type { CrashServers } from './servers.js';
import { writeWorldConfig } from './world-config.js';

export const ACCOUNT = 'main';
export const INSTRUMENT = 'BTC/USDT';
/** Of the paper venue's own account. */
export const VENUE_ACCOUNT = 'test';

const MOST_STARTS = 3;

export interface WorldOptions {
  readonly strategies?: readonly string[];
  /** What they are configured for beside the instrument of the world. */
  readonly others?: readonly string[];
  /** Entries rest below the market, and are canceled after this long. */
  readonly restingMs?: number;
  /** What else its configuration says of the account. */
  readonly rules?: Readonly<Record<string, object>>;
}

/** One account with everything around it: paper venue, ledger, Temporal namespace, and the workers as processes. */
export class World {
  readonly paper: PaperVenue;
  readonly client: Client;
  private readonly parts: {
    readonly database: TestDatabase;
    readonly folder: string;
    readonly serving: Serving;
    readonly connection: Connection;
    readonly env: NodeJS.ProcessEnv;
  };
  private readonly programs: Program[] = [];
  private readonly given = new Set<WorkflowHandle>();
  private signals = 0;

  private constructor(paper: PaperVenue, client: Client, parts: World['parts']) {
    this.paper = paper;
    this.client = client;
    this.parts = parts;
  }

  static async open(servers: CrashServers, options: WorldOptions = {}): Promise<World> {
    const folder = await mkdtemp(join(tmpdir(), 'keelson-crash-'));
    await chmod(folder, 0o711);
    const database = await servers.database();
    const namespace = await servers.namespace();
    const paper = testVenue({ journalFile: join(folder, 'journal.ndjson') });
    const serving = await serve(paper, 0, 0);
    const configFile = join(folder, 'keelson.config.json');
    await writeFile(configFile, writeWorldConfig({ account: ACCOUNT, instrument: INSTRUMENT, ...options }));
    const connection = await Connection.connect({ address: servers.temporalAddress });
    const { PATH, HOME, TMPDIR } = process.env;
    const env = {
      ...{ PATH, HOME, TMPDIR },
      KEELSON_CONFIG: configFile,
      DATABASE_URL: database.url,
      EXCHANGE_API_KEY: TEST_KEY,
      EXCHANGE_API_SECRET: TEST_SECRET,
      TEMPORAL_ADDRESS: servers.temporalAddress,
      TEMPORAL_NAMESPACE: namespace,
      KEELSON_PAPER_REST: serving.addresses.rest,
      KEELSON_PAPER_STREAM: serving.addresses.stream,
      KEELSON_PAPER_WSAPI: serving.addresses.wsApi,
      LOG_LEVEL: 'warn',
    };
    return new World(paper, new Client({ connection, namespace }), { database, folder, serving, connection, env });
  }

  get pool(): Pool {
    return this.parts.database.pool;
  }

  get databaseUrl(): string {
    return this.parts.database.url;
  }

  /** What its programs are configured by, where nothing else is said. */
  get configFile(): string {
    return String(this.parts.env['KEELSON_CONFIG']);
  }

  /** Starts a program of this role, or starts it anew. */
  launch(role: RoleName, env: NodeJS.ProcessEnv = {}): Program {
    const { folder } = this.parts;
    const name = `${role}-${this.programs.length + 1}`;
    // A trading worker under a new name: entries of one that comes back late wait for a comparison first, which is tried elsewhere
    // (ledger-contact.int.test.ts), and would leave these cases waiting for one another.
    const instance = role === 'trading' ? { KEELSON_INSTANCE: name } : {};
    const program = new Program({ role, name, folder, env: { ...this.parts.env, ...instance, ...env } });
    this.programs.push(program);
    return program;
  }

  /**
   * The same, and waits until it does its work. One that gives up, since a starved database did not answer it in time, is started
   * again, as whoever supervises it does.
   */
  async start(role: RoleName, env: NodeJS.ProcessEnv = {}): Promise<Program> {
    for (let starts = 1; ; starts += 1) {
      const program = this.launch(role, env);
      try {
        await program.ready();
        return program;
      } catch (error) {
        if (!program.hasGivenUp || starts === MOST_STARTS) throw error;
      }
    }
  }

  /** A signal that nobody had before. */
  signal(leg: TradeSignal['leg'], changes: Partial<TradeSignal> = {}): TradeSignal {
    const now = Date.now();
    this.signals += 1;
    return {
      account: ACCOUNT,
      strategy: 'still',
      strategyVersion: '1',
      instrument: INSTRUMENT,
      leg,
      barCloseTime: this.signals,
      decidedTime: now,
      validUntil: now + 30_000,
      referencePrice: '50000' as DecimalText,
      stopDistanceRatio: 0.02,
      features: [],
      reason: 'test',
      ...changes,
    };
  }

  /**
   * Has the signal traded by a trading program, which begins the order with the start. Without one, or where that one was struck before, its
   * workflow is started from here and goes to whichever program is free. @returns its outcome, when it has one
   */
  async give(signal: TradeSignal, by?: Program): Promise<{ readonly outcome: Promise<OrderOutcome> }> {
    await by?.trade(signal);
    const handle = await this.started(signal);
    const outcome = handle.result() as Promise<OrderOutcome>;
    // A world that went wrong is closed under it.
    outcome.catch(() => undefined);
    this.given.add(handle);
    void outcome.finally(() => this.given.delete(handle)).catch(() => undefined);
    return { outcome };
  }

  private async started(signal: TradeSignal): Promise<WorkflowHandle> {
    const workflowId = signalWorkflowId(signal);
    try {
      return await this.client.workflow.start(WORKFLOW_TYPES.signalToOrder, {
        taskQueue: TASK_QUEUES.trading,
        workflowId,
        args: [signal],
        workflowTaskTimeout: '5s',
        workflowIdReusePolicy: 'REJECT_DUPLICATE',
        searchAttributes: { [SEARCH_ATTRIBUTES.account]: [signal.account], [SEARCH_ATTRIBUTES.status]: ['initialized'] },
      });
    } catch (error) {
      if (error instanceof WorkflowExecutionAlreadyStartedError) return this.client.workflow.getHandle(workflowId);
      throw error;
    }
  }

  /** Compares the account with its venue, as a person asks for it. */
  async compare(): Promise<void> {
    const runId = randomUUID();
    await this.client.workflow.execute(WORKFLOW_TYPES.reconcileAccount, {
      taskQueue: TASK_QUEUES.guardian,
      workflowId: `reconcile:${ACCOUNT}:${runId}`,
      args: [{ account: ACCOUNT, scope: 'demand', runId }],
    });
  }

  /** The venue spoils calls as the rule says (docs/reference/paper-venue.md). */
  fault(rule: Readonly<Record<string, string | number>>): void {
    this.paper.faults.add(faultRuleOf(new Body(JSON.stringify(rule)), this.paper.now()));
  }

  /** Everything that was written down for people and for other programs. */
  async rowsAsText(): Promise<string> {
    const { rows } = await this.pool.query<{ text: string }>(
      `select a::text as text from audit_events a union all select o::text from outbox o union all select i::text from incidents i
       union all select s::text from signals s union all select o::text from orders o`,
    );
    return rows.map((row) => row.text).join('\n');
  }

  /** Whether every bar from the first to the newest that is stored is there, once. */
  async hasEveryBar(): Promise<boolean> {
    const { rows } = await this.pool.query<{ whole: boolean | null }>(
      'select max(open_time) - min(open_time) = (count(*) - 1) * 1000 as whole from bars where instrument = $1',
      [INSTRUMENT],
    );
    return rows[0]?.whole === true;
  }

  describePrograms(): string {
    return this.programs.map((program) => program.describe()).join('\n');
  }

  witness(): Witness {
    return readWitness(join(this.parts.folder, 'journal.ndjson'), VENUE_ACCOUNT);
  }

  /** Everything in which ledger and venue disagree, and every order that is still open. */
  disagreements(): Promise<string[]> {
    return disagreements(this.pool, ACCOUNT, this.witness());
  }

  /** What was wrong at any moment, by the venue's journal: two stops, oversold. For one strategy that ends without a position. */
  broken(): string[] {
    const lines: JournalLine[] = [];
    readJournal(join(this.parts.folder, 'journal.ndjson'), (line) => lines.push(line));
    return brokenRules(lines, VENUE_ACCOUNT, 'BTC');
  }

  async close(): Promise<void> {
    const { database, folder, serving, connection } = this.parts;
    await Promise.all(this.programs.map((program) => program.kill()));
    await serving.close();
    // Who still waits for an outcome is told that there will be none: on a closed connection that would be an error of nobody.
    await Promise.allSettled([...this.given].map((handle) => handle.terminate('the world is closed')));
    await Promise.allSettled([...this.given].map((handle) => handle.result()));
    await connection.close();
    await database.drop();
    await rm(folder, { recursive: true, force: true });
  }
}
