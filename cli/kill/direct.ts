import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { killDirectly, mayCancelOthers } from '../../activities/kill/direct.js';
import type { Engaged, HaltCause } from '../../activities/ports/halt.js';
import type { Venue } from '../../activities/ports/venue.js';
import { openHaltStore, type HaltStore } from '../../adapters/store/halt-store.js';
import { findKeyHolder } from '../../adapters/store/key-holder.js';
import { openPool } from '../../adapters/store/pool.js';
import { directName, evidenceFiles } from '../../adapters/storage/evidence-files.js';
import { configPath, databaseUrl, evidenceFolder, loadConfig, paperAccounts, type Config } from '../../config/index.js';
import type { Latch } from '../../core/control/mode.js';
import { nothingHalted } from '../../core/control/nobody.js';
import { KeelsonError } from '../../core/errors.js';
import type { Finding } from '../../core/kill/verify.js';
import { unverifiedText } from '../../core/kill/verify.js';
import { homePaths } from '../../launcher/home/paths.js';
import { surroundings } from '../../launcher/home/surroundings.js';
import { homeFolder, keyOf } from '../address.js';
import type { Shown } from '../command.js';
import { CommandFailure, EXIT } from '../exit.js';
import { harmless, type Terminal } from '../terminal.js';
import { assertSomethingIsThere } from './alone.js';
import { atLast } from './at-last.js';
import { ledgerOf, openVenue, type DirectLedger } from './parts.js';
import { isTouched, OpenVenues, told } from './venues.js';

export interface DirectWish {
  readonly scope: Latch;
  readonly cause: Omit<HaltCause, 'subject' | 'underKey' | 'by'>;
  /** Whose key is looked for in the home; the owner's when left out. */
  readonly person?: string | undefined;
  /** Only where no real money is. */
  readonly isDrill: boolean;
}

interface Ended {
  readonly account: string;
  readonly finding: Finding;
  readonly file?: string;
  /** The halt as it stands: in a database that took over meanwhile it is another one. */
  readonly engaged?: Engaged;
}

/**
 * `keelson kill --direct`: latches, cancels, sells and verifies from this process, with nothing but the database and the
 * venues. Without the database it cancels what appears, and does not end by itself before the latch is committed.
 * @param stopping aborted when the person at the keyboard has had enough.
 */
export async function killWithoutTemporal(terminal: Terminal, wish: DirectWish, stopping: AbortSignal): Promise<Shown> {
  // Read again with each try: what is just starting writes its addresses when it has them.
  const around = (): Terminal['env'] => surroundings(homePaths(homeFolder(terminal)), terminal.env);
  const env = around();
  const url = databaseUrl(env);
  const config = readConfig(terminal, env);
  const say = (line: string): void => terminal.error(`${new Date(terminal.now()).toISOString().slice(11, 19)} ${line}\n`);
  if (config instanceof KeelsonError) {
    // A halt needs the database alone. A drill may sell nothing before it is known to be on paper.
    if (url === undefined || wish.isDrill) throw config;
    say(`THE VENUES ARE NOT REACHED: ${told(config)} The halt is written all the same; nothing is canceled or sold from here.`);
  } else {
    // A drill of it is refused.
    const doubt = wish.isDrill ? undefined : notConfigured(config, wish.scope);
    if (doubt !== undefined) say(doubt);
    if (wish.isDrill) assertPaper(config, wish.scope);
    await assertSomethingIsThere(terminal, config, wish.scope, url);
  }
  const open = async (account: string): Promise<Venue> => {
    if (config instanceof KeelsonError) throw config;
    return openVenue(config, around(), account, terminal.now);
  };
  const venues = new OpenVenues(open, say, terminal.now);
  try {
    const database: Database = { url: () => databaseUrl(around()) };
    const latch = async (): Promise<Engaged | undefined> => latchAtLast(terminal, config, database, wish, venues, say, stopping);
    const engaged = await latch();
    if (engaged === undefined || database.latched === undefined) {
      return {
        data: { latched: false },
        text: 'UNLATCHED: it was ended before the halt was written. Workers may send.\n',
        exitCode: EXIT.unlatched,
      };
    }
    const { scope } = wish;
    const part = scope.scope === 'strategy' || scope.scope === 'instrument' ? `${scope.scope} ${scope.scopeValue} in ` : '';
    if (engaged.known === null) say(`HALTED: ${part}${engaged.accounts.join(', ')} (${engaged.latchId})`);
    else return nothing(scope, engaged, engaged.known);
    const one = { terminal, env, url: database.latched, scope, venues, say, stopping, engaged, latch };
    // Whatever befalls one account, the others are carried to their end.
    const ended = await Promise.all(
      engaged.accounts.map((account) => killOne(one, account).catch((error: unknown) => unanswered(account, told(error)))),
    );
    return shown(
      ended.findLast((each) => each.engaged !== undefined && each.engaged.latchId !== engaged.latchId)?.engaged ?? engaged,
      ended,
    );
  } finally {
    await venues.close();
  }
}

/** Longer than a halt takes that has to end whoever holds what it needs. One that is silent would keep it for many seconds, and nothing canceled. */
const LATE_MS = 2_000;

interface Database {
  readonly url: () => string | undefined;
  /** The address of the one that has the halt. */
  latched?: string;
}

/** The latch first; while the database does not answer, what is open at the venues is canceled again and again. */
async function latchAtLast(
  terminal: Terminal,
  config: Config | KeelsonError,
  database: Database,
  { scope, cause, person, isDrill }: DirectWish,
  venues: OpenVenues,
  say: (line: string) => void,
  stopping: AbortSignal,
): Promise<Engaged | undefined> {
  const isReadable = !(config instanceof KeelsonError);
  const accounts = isReadable ? Object.entries(config.accounts).filter(([account, { venue }]) => isTouched(scope, account, venue)) : [];
  const otherwise = isReadable ? meanwhile(scope) : 'nothing is canceled, since the configuration cannot be read.';
  let open: { readonly url: string; readonly halts: HaltStore } | undefined;
  const write = async (): Promise<Engaged> => {
    const url = database.latched ?? database.url() ?? open?.url;
    if (url === undefined) throw new KeelsonError('CONFIG_DATABASE', { address: 'DATABASE_URL', detail: 'it is not set' });
    if (open?.url !== url) {
      // What starts anew listens somewhere else. Nothing waits for the end of what has not answered.
      void open?.halts.close().catch(() => undefined);
      open = { url, halts: openHaltStore(url) };
    }
    // Whose key it is may stand in tables that somebody holds; the halt does not need them.
    let unknown: string | undefined;
    const who = await whoIs(terminal, url, person).catch((error: unknown) => {
      unknown = told(error);
      return ANYBODY;
    });
    const whole = { ...cause, by: 'direct' as const, ...who };
    const paper = isReadable ? paperAccounts(config) : {};
    const engaged = await (isDrill ? open.halts.drill(scope, whole, paper) : open.halts.latch(scope, whole));
    database.latched = url;
    if (unknown !== undefined) say(`The halt is written as ${ANYBODY.subject}: whose key it is could not be read (${unknown})`);
    return engaged;
  };
  try {
    // Nothing is urgent in a drill: nothing is canceled for it before the ledger has said what it would reach.
    if (isDrill) return await write().catch(refuseDrill);
    return await atLast({
      attempt: write,
      failed: (error, isFirst) => say(`UNLATCHED: ${told(error)}${isFirst ? ` Until it is written ${otherwise}` : ''}`),
      late: {
        afterMs: LATE_MS,
        tell: () => say(`The database has not answered yet, and the halt is not written. Until it is ${otherwise}`),
      },
      beside: (until) => accounts.forEach(([account]) => venues.keepCanceling(account, scope, until)),
      stopping,
    });
  } finally {
    await open?.halts.close();
  }
}

interface OneKill {
  readonly terminal: Terminal;
  readonly env: Terminal['env'];
  readonly url: string;
  readonly scope: Latch;
  readonly venues: OpenVenues;
  readonly say: (line: string) => void;
  readonly stopping: AbortSignal;
  /** The halt as it was written first. */
  readonly engaged: Engaged;
  /** Writes the halt once more: where it stands already it stays as it is. Undefined when it was to end before. */
  readonly latch: () => Promise<Engaged | undefined>;
}

async function killOne(kill: OneKill, account: string): Promise<Ended> {
  const { terminal, venues, say, stopping } = kill;
  const venue = await venues.of(account, stopping);
  if (venue === undefined) return unanswered(account, 'its venue did not answer');
  const lines: string[] = [];
  const tell = (line: string): void => {
    lines.push(`${new Date(terminal.now()).toISOString()} ${line}`);
    say(line);
  };
  let { engaged } = kill;
  for (;;) {
    const ledger = await ledgerAtLast(kill, account, venue);
    if (ledger === undefined) return unanswered(account, 'its ledger, or the clock of its venue, did not answer');
    // It may have taken over between the halt and this opening.
    if (!(await isHalted(ledger, account, engaged))) ledger.replaced.abort();
    const finding = await killOver(kill, account, ledger, tell);
    if (!ledger.replaced.signal.aborted) return { ...(await kept(kill, account, finding, lines)), engaged };
    // A database that took over may know nothing of the halt, and of what this kill has seen: all of it begins anew (P31).
    tell(`${account}: the database is another now; it is halted there, and the kill begins anew`);
    const again = await kill.latch();
    if (again === undefined) return unanswered(account, 'UNLATCHED in the database that took over: workers may send');
    engaged = again;
    if (!engaged.accounts.includes(account)) {
      return { ...unanswered(account, 'the database that took over does not know it under this halt'), engaged };
    }
  }
}

/** Where the database does not answer, the pool tells when another one does. */
async function isHalted({ dependencies }: DirectLedger, account: string, { latchId }: Engaged): Promise<boolean> {
  const { latches } = await dependencies.kills.readKill(account).catch(() => ({ latches: undefined }));
  return latches === undefined || latches.some((latch) => latch.latchId === latchId);
}

/** The kill of an account until it is verified, or until the database is another. */
async function killOver({ scope, say, stopping }: OneKill, account: string, ledger: DirectLedger, tell: OneKill['say']): Promise<Finding> {
  const { dependencies, replaced } = ledger;
  const until = AbortSignal.any([stopping, replaced.signal]);
  try {
    const run = { scope, say: tell, stopping: until, endsRefused: true, replaced: () => replaced.abort() };
    return await killDirectly(dependencies, account, run);
  } finally {
    await ledger.close().catch((error: unknown) => say(`${account}: ${told(error)}`));
  }
}

/** Keeps what was found as evidence. */
async function kept({ terminal, env, say }: OneKill, account: string, finding: Finding, lines: readonly string[]): Promise<Ended> {
  const at = new Date(terminal.now()).toISOString();
  const content = `${JSON.stringify({ what: 'a halt without Temporal', account, at, lines, finding }, null, 2)}\n`;
  try {
    const { path } = await evidenceFiles(evidenceFolder(env)).write(directName(account, at), content);
    say(`${account}: its evidence is written`);
    return { account, finding, file: path };
  } catch (error) {
    // What was done is done; these lines are all that tells of it.
    say(`${account}: its evidence could not be written (${told(error)}); keep what is said here`);
    return { account, finding };
  }
}

/** The ledger of an account; while the database or the venue's clock does not answer, what appears is canceled. */
async function ledgerAtLast(
  { terminal, env, url, scope, venues, say, stopping }: OneKill,
  account: string,
  venue: Venue,
): Promise<DirectLedger | undefined> {
  const { now, newId } = terminal;
  let before = '';
  return atLast({
    attempt: () => ledgerOf({ url, account, venue, now, newId, folder: evidenceFolder(env) }),
    failed: (error) => {
      const detail = told(error);
      if (detail !== before) say(`${account}: ${detail} It is tried again; meanwhile ${meanwhile(scope)}`);
      before = detail;
    },
    beside: (until) => venues.keepCanceling(account, scope, until),
    stopping,
  });
}

/** What is done at the venue without the ledger (P29). */
function meanwhile(scope: Latch): string {
  if (mayCancelOthers(scope)) return 'what appears is canceled.';
  return `nothing is canceled, since only the ledger knows which orders are ours: halt the account (--account) to have all of them canceled.`;
}

function unanswered(account: string, detail: string): Ended {
  return { account, finding: { unverified: [{ kind: 'unanswered', detail }], dust: [], kept: [] } };
}

/** @returns why it cannot be read, where somebody has left it half edited */
function readConfig(terminal: Terminal, env: Terminal['env']): Config | KeelsonError {
  try {
    return loadConfig({ path: configPath(env, terminal.root), env });
  } catch (error) {
    if (error instanceof KeelsonError) return error;
    throw error;
  }
}

const ANYBODY = { subject: 'keelson kill --direct', underKey: null } as const;

/** The person whose key it finds, as every command does: known by the key, never by the name. Without one it is the command's own doing. */
async function whoIs(terminal: Terminal, url: string, person: string | undefined): Promise<{ subject: string; underKey: string | null }> {
  const where = keyOf(terminal, person);
  const key = where.key ?? readKey(where.path);
  if (key === undefined) return ANYBODY;
  const pool = openPool(url, { applicationName: 'keelson-direct', max: 1 });
  try {
    const holder = await findKeyHolder(pool, createHash('sha256').update(key).digest());
    return holder === undefined ? ANYBODY : { subject: holder.subject, underKey: holder.keyId };
  } finally {
    await pool.end();
  }
}

function readKey(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8').trim();
  } catch {
    return undefined;
  }
}

/**
 * Who mistypes a name at night must not believe that something stands still; but the ledger may know what the configuration does not, and it may
 * be away. @returns what the configuration has not, for people
 */
function notConfigured(config: Config, { scope, scopeValue, account }: Latch): string | undefined {
  const accounts = Object.keys(config.accounts);
  const its = config.strategies.filter((one) => account === undefined || one.account === account);
  const names: Readonly<Record<Latch['scope'], readonly string[]>> = {
    everything: [scopeValue],
    account: accounts,
    venue: Object.values(config.accounts).map(({ venue }) => venue),
    strategy: its.map(({ id }) => id),
    instrument: its.flatMap(({ instruments }) => instruments),
  };
  if (names[scope].includes(scopeValue)) return undefined;
  const there = [...new Set(names[scope])].join(', ') || 'none';
  const where = account === undefined ? '' : ` in account ${account}`;
  return `the configuration has no ${scope} ${scopeValue}${where}. It has: ${there}. The halt is written all the same. An account, or everything, can always be halted.`;
}

/** @throws CommandFailure when a drill would halt what trades real money */
function assertPaper(config: Config, scope: Latch): void {
  const live = Object.entries(config.accounts).filter(
    ([account, { venue }]) => isTouched(scope, account, venue) && config.venues[venue]?.paper !== true,
  );
  if (live.length === 0) return;
  throw new CommandFailure(
    EXIT.refused,
    `A drill is for paper venues: ${live.map(([account]) => account).join(', ')} trades real money. Name an account.`,
  );
}

const DRILL_REFUSED: ReadonlySet<string> = new Set(['INPUT_DRILL_NOT_ON_PAPER', 'INPUT_DRILL_OF_NOTHING']);

/** @throws CommandFailure always: what is not known to be on paper is drilled nowhere */
function refuseDrill(error: unknown): never {
  if (error instanceof KeelsonError && DRILL_REFUSED.has(error.failure.code))
    throw new CommandFailure(EXIT.refused, `NOT HALTED. ${told(error)}`);
  throw new CommandFailure(
    EXIT.unreachable,
    `NOT HALTED. ${told(error)} A drill is begun where the database tells that all of it is on paper; where something is wrong halt it: keelson kill --direct.`,
  );
}

/** A latch over nothing holds nothing, and waits for what comes under it. */
function nothing(scope: Latch, { latchId, accounts, policy }: Engaged, known: readonly string[]): Shown {
  const data = { latched: true, latchId, policy, accounts, known, ended: [] };
  return { data, text: `${harmless(nothingHalted(scope, latchId, known))}\n`, exitCode: EXIT.unverified };
}

function shown({ latchId, accounts, policy }: Engaged, ended: readonly Ended[]): Shown {
  const isVerified = ended.every(({ finding }) => finding.unverified.length === 0);
  const lines = ended.flatMap(({ account, finding, file }) => [
    `${account}: ${finding.unverified.length === 0 ? 'VERIFIED: the venue has shown the target twice' : 'NOT VERIFIED'}`,
    ...finding.unverified.map((one) => `  ${unverifiedText(one)}`),
    ...finding.dust.map((one) => `  dust: ${one.quantity} ${one.instrument} (${one.strategy})`),
    ...(file === undefined ? [] : [`  ${file}`]),
  ]);
  return {
    data: { latched: true, latchId, policy, accounts, ended },
    text: `${lines.join('\n')}\nThe latch stands. Ending it takes two people: keelson rearm ${latchId} --reason …\n`,
    exitCode: isVerified ? EXIT.done : EXIT.unverified,
  };
}
