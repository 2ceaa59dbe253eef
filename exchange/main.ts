import { existsSync } from 'node:fs';
import { accountsFrom } from './cli/accounts-file.js';
import { FlagError, parseFlags, type Flags } from './cli/flags.js';
import { USAGE } from './cli/usage.js';
import { instrumentList } from './admin/routes.js';
import { summarizeJournal } from './journal/summary.js';
import { loadMarket, type LoadedInstrument } from './market/load.js';
import { serve } from './serve.js';
import { Venue } from './venue.js';

const EXIT_USAGE = 2;
const EXIT_CONFIGURATION = 78;

function fail(code: number, message: string): never {
  process.stderr.write(`${message}\n`);
  process.exit(code);
}

function flagsOrExit(): Flags {
  try {
    const flags = parseFlags(process.argv.slice(2));
    if (!flags.help) {
      const { accountsFile, accounts } = flags;
      return accountsFile === undefined ? flags : { ...flags, accounts: [...accounts, ...accountsFrom(accountsFile)] };
    }
  } catch (error) {
    if (!(error instanceof FlagError)) throw error;
    fail(EXIT_USAGE, error.message);
  }
  process.stdout.write(USAGE);
  process.exit(0);
}

function marketOrExit(flags: Flags): LoadedInstrument[] {
  try {
    return loadMarket(flags);
  } catch (error) {
    fail(EXIT_CONFIGURATION, `no prices to play: ${error instanceof Error ? error.message : String(error)}`);
  }
}

function venueOrExit(flags: Flags): Venue {
  const instruments = marketOrExit(flags);
  try {
    return new Venue({
      instruments,
      intervalMs: flags.intervalMs,
      seed: flags.seed,
      depthNotional: flags.depth,
      feeRates: { maker: BigInt(Math.round(flags.makerBps * 10)), taker: BigInt(Math.round(flags.takerBps * 10)) },
      rateLimits: { weightPerMinute: flags.weightPerMinute, ordersPer10Seconds: flags.ordersPer10Seconds },
      accounts: flags.accounts,
      journalFile: flags.journal,
      now: Date.now,
    });
  } catch (error) {
    fail(EXIT_CONFIGURATION, `the venue cannot start: ${error instanceof Error ? error.message : String(error)}`);
  }
}

/** Prints a journal's account of itself, and ends. */
function checkJournal(file: string): never {
  if (!existsSync(file)) fail(EXIT_CONFIGURATION, `${file}: no such journal`);
  try {
    const { lines, accounts, faults, actions, problems } = summarizeJournal(file);
    const summaries = [...accounts].map(([name, { orders, fills, balances, requests }]) => ({
      name,
      orders: orders.size,
      fills: fills.length,
      requests: requests.length,
      balances: Object.fromEntries(balances),
    }));
    const report = { event: 'journal', lines, accounts: summaries, faults: faults.length, actions: actions.length, problems };
    process.stdout.write(`${JSON.stringify(report)}\n`);
    process.exit(problems.length === 0 ? 0 : 1);
  } catch (error) {
    fail(1, error instanceof Error ? error.message : String(error));
  }
}

async function main(): Promise<void> {
  const flags = flagsOrExit();
  if (flags.checkJournal !== undefined) checkJournal(flags.checkJournal);
  const venue = venueOrExit(flags);
  const serving = await serve(venue, flags.port, flags.adminPort).catch((error: unknown) =>
    fail(EXIT_CONFIGURATION, `the venue cannot listen: ${error instanceof Error ? error.message : String(error)}`),
  );
  const instruments = instrumentList(venue);
  if (flags.json) process.stdout.write(`${JSON.stringify({ event: 'listening', ...serving.addresses, instruments })}\n`);
  else {
    const { rest, stream, wsApi, admin } = serving.addresses;
    process.stdout.write(`The paper venue listens.\n  REST     ${rest}\n  streams  ${stream}\n  WS API   ${wsApi}\n  admin    ${admin}\n`);
    for (const { instrument, prices, source } of instruments) process.stdout.write(`  ${instrument}: ${prices} prices (${source})\n`);
  }
  let isEnding = false;
  const end = (): void => {
    if (isEnding) process.exit(0);
    isEnding = true;
    void serving.close().then(() => {
      if (flags.json) process.stdout.write('{"event":"stopped"}\n');
      process.exit(0);
    });
  };
  process.on('SIGINT', end);
  process.on('SIGTERM', end);
  process.on('SIGHUP', end);
  if (flags.exitWithStdin) process.stdin.on('end', end).on('close', end).resume();
}

await main();
