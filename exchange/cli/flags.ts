import { PERMISSIONS, USUAL_PERMISSIONS, type Permission } from '../accounts/accounts.js';
import { unitsOf, type Units } from '../amount/units.js';
import { intervalMsOf } from '../market/klines.js';
import type { AtEnd } from '../market/series.js';

export interface DataFlag {
  readonly file: string;
  readonly instrument: string | undefined;
  readonly from: string | undefined;
  readonly to: string | undefined;
}

export interface SimulationFlag {
  readonly instrument: string;
  readonly seed: number;
  readonly startPrice: number;
  readonly volatility: number;
}

export interface AccountFlag {
  readonly name: string;
  readonly key: string;
  readonly secret: string;
  readonly balances: ReadonlyMap<string, Units>;
  readonly permissions: readonly Permission[];
  readonly feeAsset: string;
}

export interface Flags {
  readonly port: number;
  readonly adminPort: number;
  readonly data: readonly DataFlag[];
  readonly simulations: readonly SimulationFlag[];
  readonly intervalMs: number;
  readonly startOffset: number;
  readonly atEnd: AtEnd;
  readonly accounts: readonly AccountFlag[];
  readonly accountsFile: string | undefined;
  readonly makerBps: number;
  readonly takerBps: number;
  readonly depth: number;
  readonly weightPerMinute: number;
  readonly ordersPer10Seconds: number;
  readonly journal: string | undefined;
  readonly checkJournal: string | undefined;
  readonly seed: number;
  readonly json: boolean;
  readonly exitWithStdin: boolean;
  readonly help: boolean;
}

/** All problems of a command line, one a line. */
export class FlagError extends Error {
  override readonly name = 'FlagError';
}

const INSTRUMENT = /^[A-Z0-9]{2,10}\/[A-Z0-9]{2,10}$/;
const DEFAULT_ACCOUNT = 'main:paper-key:paper-secret:USDT=100000,BTC=1';
const SWITCHES = new Set(['json', 'exit-with-stdin', 'help']);
const VALUES = new Set([
  'port', 'admin-port', 'data', 'instrument', 'from', 'to', 'simulate', 'interval', 'start-offset', 'at-end', 'account', 'accounts-file',
  'fee-bps', 'depth', 'weight-per-minute', 'orders-per-10s', 'journal',
  'check-journal', 'seed',
]); // prettier-ignore

/** Reads a command line. @throws FlagError that names every problem at once. */
export function parseFlags(argv: readonly string[]): Flags {
  const problems: string[] = [];
  const given = collect(argv, problems);
  const last = (name: string): string | undefined => given.get(name)?.at(-1);
  const whole = (name: string, fallback: number, most: number): number => {
    const text = last(name);
    if (text === undefined) return fallback;
    if (/^\d{1,15}$/.test(text) && Number(text) <= most) return Number(text);
    problems.push(`--${name}: a whole number from 0 to ${most}, not "${text}"`);
    return fallback;
  };
  const each = <T>(name: string, fallback: readonly string[], read: (text: string) => T): T[] =>
    (given.get(name) ?? fallback).flatMap((text) => {
      try {
        return [read(text)];
      } catch (error) {
        problems.push(`--${name}: ${error instanceof Error ? error.message : String(error)}`);
        return [];
      }
    });
  const interval = intervalMsOf(last('interval') ?? '1s');
  if (interval === undefined || interval < 20)
    problems.push(`--interval: such as 1s, 250ms or 4h (at least 20ms), not "${last('interval')}"`);
  const atEnd = last('at-end') ?? 'loop';
  if (atEnd !== 'loop' && atEnd !== 'stop') problems.push(`--at-end: loop or stop, not "${atEnd}"`);
  const fees = /^(\d{1,4}(?:\.\d)?),(\d{1,4}(?:\.\d)?)$/.exec(last('fee-bps') ?? '10,10');
  if (fees === null) problems.push(`--fee-bps: maker and taker, such as 10,10 (at most one decimal), not "${last('fee-bps')}"`);
  const defaults = { instrument: last('instrument'), from: last('from'), to: last('to') };
  const flags: Flags = {
    port: whole('port', 0, 65_535),
    adminPort: whole('admin-port', 0, 65_535),
    data: each('data', [], (text) => dataOf(text, defaults)),
    simulations: each('simulate', [], simulationOf),
    intervalMs: interval ?? 1000,
    startOffset: whole('start-offset', 0, 100_000_000),
    atEnd: atEnd === 'stop' ? 'stop' : 'loop',
    accounts: each('account', given.has('accounts-file') ? [] : [DEFAULT_ACCOUNT], accountOf),
    accountsFile: last('accounts-file'),
    makerBps: Number(fees?.[1] ?? 10),
    takerBps: Number(fees?.[2] ?? 10),
    depth: whole('depth', 20_000, 1_000_000_000),
    weightPerMinute: whole('weight-per-minute', 600_000, 1_000_000_000),
    ordersPer10Seconds: whole('orders-per-10s', 100_000, 1_000_000_000),
    journal: last('journal'),
    checkJournal: last('check-journal'),
    seed: whole('seed', 7, 4_294_967_295),
    json: given.has('json'),
    exitWithStdin: given.has('exit-with-stdin'),
    help: given.has('help'),
  };
  if (problems.length > 0) throw new FlagError(problems.join('\n'));
  return flags;
}

function collect(argv: readonly string[], problems: string[]): Map<string, string[]> {
  const given = new Map<string, string[]>();
  for (let index = 0; index < argv.length; index += 1) {
    const word = argv[index] as string;
    const match = /^--([a-z0-9-]+)(?:=(.*))?$/s.exec(word);
    const name = match?.[1] ?? '';
    if (SWITCHES.has(name)) given.set(name, []);
    else if (!VALUES.has(name)) problems.push(`unknown flag "${word}" (see --help)`);
    else {
      const values = match?.[2] === undefined ? [] : [match[2]];
      // Several files may follow one --data; every other flag has one value.
      const most = name === 'data' ? argv.length : 1;
      while (values.length < most && argv[index + 1]?.startsWith('--') === false) values.push(argv[(index += 1)] as string);
      if (values.length === 0) problems.push(`--${name} needs a value`);
      else given.set(name, [...(given.get(name) ?? []), ...values]);
    }
  }
  return given;
}

function dataOf(text: string, defaults: Omit<DataFlag, 'file'>): DataFlag {
  const match = /^(.+?)(?:@([A-Z0-9]{2,10}\/[A-Z0-9]{2,10}))?(?::([^:.]*)\.\.([^:]*))?$/s.exec(text);
  const file = match?.[1];
  if (match === null || file === undefined) throw new FlagError(`FILE[@INSTRUMENT][:FROM..TO], not "${text}"`);
  const instrument = match[2] ?? defaults.instrument;
  if (instrument !== undefined && !INSTRUMENT.test(instrument)) throw new FlagError(`an instrument such as BTC/USDT, not "${instrument}"`);
  return { file, instrument, from: match[3] || defaults.from, to: match[4] || defaults.to };
}

function simulationOf(text: string): SimulationFlag {
  const match = /^([^@]+)@(\d{1,10})(?::(\d{1,9}(?:\.\d{1,8})?),(0?\.\d{1,8}))?$/.exec(text);
  const instrument = match?.[1] ?? '';
  if (match === null || !INSTRUMENT.test(instrument)) throw new FlagError(`NAME@SEED[:PRICE,VOLATILITY], not "${text}"`);
  return { instrument, seed: Number(match[2]), startPrice: Number(match[3] ?? 100), volatility: Number(match[4] ?? 0.0012) };
}

/** `NAME:KEY:SECRET:USDT=100000,BTC=1:read,trade:received`; the last two may be left out. */
export function accountOf(text: string): AccountFlag {
  const [name, key, secret, assets, permissions = USUAL_PERMISSIONS.join(','), feeAsset = 'received', ...more] = text.split(':');
  if (!name || !key || !secret || more.length > 0 || !/^[\w-]{1,40}$/.test(name)) {
    throw new FlagError('NAME:KEY:SECRET:ASSET=AMOUNT,… with a name of letters, digits, - and _');
  }
  const balances = new Map<string, Units>();
  for (const part of (assets ?? '').split(',').filter((piece) => piece !== '')) {
    const match = /^([A-Z0-9]{2,10})=(\d{1,15}(?:\.\d{1,8})?)$/.exec(part);
    if (match === null) throw new FlagError(`account ${name}: ASSET=AMOUNT, not "${part}"`);
    balances.set(match[1] as string, unitsOf(match[2] as string));
  }
  const allowed = permissions.split(',').map((word) => {
    const permission = PERMISSIONS.find((known) => known === word);
    if (permission === undefined) throw new FlagError(`account ${name}: permissions are ${PERMISSIONS.join(', ')}, not "${word}"`);
    return permission;
  });
  if (!/^(?:received|quote|[A-Z0-9]{2,10})$/.test(feeAsset)) throw new FlagError(`account ${name}: a fee asset, not "${feeAsset}"`);
  return { name, key, secret, balances, permissions: allowed, feeAsset };
}
