import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { failure, KeelsonError } from '../core/errors.js';
import { ASKED_SIGNAL_VALID_MS, VENUE_WIRES } from '../core/venue/wires.js';
import {
  accountSuffix,
  knownEnvironmentName,
  knownLogLevel,
  LOG_LEVELS,
  type Environment,
  type EnvironmentName,
  type LogLevel,
} from './environment.js';
import { JsoncSyntaxError, parseJsonc } from './jsonc.js';
import { problemsOf, throwProblems, type Problem } from './problem.js';
import { withoutCredentials } from './redacted.js';
import { isPaperAddress, referenceProblems } from './references.js';
import { configSchema, type Config } from './schema.js';
import { readAlertSecrets, readCredentials, readVariable, type AlertSecrets, type VenueCredentials } from './secret.js';
import { INTERVALS } from './values.js';

export interface LoadOptions {
  /** Path of the configuration file. */
  readonly path: string;
  readonly env: Environment;
  /** Accounts whose key and secret must be there: those at live venues, or all. Default `none`. */
  readonly credentials?: 'none' | 'live' | 'all';
  /** Whether the secrets of the alert channels that are set up must be there; only the guardian needs them. */
  readonly alertSecrets?: boolean;
}

export interface VenueUrls {
  readonly rest: string;
  readonly stream: string;
  readonly wsApi: string;
}

const PAPER_URLS = { rest: 'KEELSON_PAPER_REST', stream: 'KEELSON_PAPER_STREAM', wsApi: 'KEELSON_PAPER_WSAPI' } as const;

/** Where the configuration file is: KEELSON_CONFIG, else `keelson.config.json` in `folder`. */
export function configPath(env: Environment, folder: string): string {
  return resolve(folder, env['KEELSON_CONFIG'] || 'keelson.config.json');
}

/**
 * Reads the configuration file and what the environment adds to it.
 * @throws KeelsonError CONFIG_INVALID with every problem of both; CONFIG_LIVE_TRADING, CONFIG_VENUE_UNPROVEN or
 * CONFIG_SECRET_READABLE when that is the only one.
 */
export function loadConfig({ path, env, credentials = 'none', alertSecrets: needsAlertSecrets = false }: LoadOptions): Config {
  const { input, problem } = readFile(path);
  if (problem) throwProblems(path, [problem, ...environmentProblems(env)]);
  const parsed = configSchema.safeParse(input);
  const problems = [...(parsed.success ? [] : problemsOf(parsed.error, input)), ...referenceProblems(input), ...environmentProblems(env)];
  if (parsed.success) {
    problems.push(
      ...liveTradingProblems(parsed.data, env),
      ...unprovenProblems(parsed.data),
      ...quoteProblems(parsed.data),
      ...intervalProblems(parsed.data),
      ...signalProblems(parsed.data),
      ...watchProblems(parsed.data),
      ...calendarProblems(parsed.data),
      ...chatProblems(parsed.data),
    );
    if (needsAlertSecrets) problems.push(...readAlertSecrets(parsed.data, env).problems);
    problems.push(...credentialProblems(parsed.data, env, credentials));
  }
  throwProblems(path, unique(problems));
  if (!parsed.success) throw parsed.error;
  return parsed.data;
}

/** Where evidence of halts is kept: `evidence` in the home. */
export function evidenceFolder(env: Environment): string {
  return resolve(env['KEELSON_HOME'] || '.keelson', 'evidence');
}

/** The deployment's name; `prod` means `production`, unset `development`. @throws KeelsonError CONFIG_INVALID */
export function environmentName(env: Environment): EnvironmentName {
  const name = knownEnvironmentName(env);
  if (name === undefined) throwProblems('(environment)', environmentProblems(env));
  return name ?? 'development';
}

/** @throws KeelsonError CONFIG_INVALID when LOG_LEVEL is not a level. */
export function logLevel(env: Environment): LogLevel {
  const level = knownLogLevel(env);
  if (level === undefined) throwProblems('(environment)', environmentProblems(env));
  return level ?? 'info';
}

/** Key and secret of an account. @throws KeelsonError CONFIG_INVALID, CONFIG_SECRET_READABLE */
export function secrets(env: Environment, account: string): VenueCredentials {
  const { credentials, problems } = readCredentials(env, account);
  throwProblems('(environment)', problems);
  if (credentials === undefined) throw new KeelsonError('CONFIG_INVALID', { path: '(environment)', count: 1, problems: account });
  return credentials;
}

/** What the configured channels of alerts need. @throws KeelsonError CONFIG_INVALID, CONFIG_SECRET_READABLE */
export function alertSecrets(config: Config, env: Environment): AlertSecrets {
  const { secrets: found, problems } = readAlertSecrets(config, env);
  throwProblems('(environment)', problems);
  return found;
}

/** DATABASE_URL or the content of DATABASE_URL_FILE; undefined when neither is set. @throws KeelsonError CONFIG_INVALID, CONFIG_SECRET_READABLE */
export function databaseUrl(env: Environment): string | undefined {
  const { value, problem } = readVariable(env, 'DATABASE_URL');
  throwProblems('(environment)', problem ? [problem] : []);
  return value;
}

/** Where a venue answers: its own `urls`, else, for a paper venue, what the launcher tells. @throws KeelsonError CONFIG_INVALID */
export function venueUrls(config: Config, venue: string, env: Environment): VenueUrls {
  const given = config.venues[venue]?.urls;
  if (given !== undefined) return given;
  const problems: Problem[] = [];
  const read = (name: string): string => {
    const value = env[name] ?? '';
    if (value === '') problems.push({ path: name, message: `is missing: expected the address of venue "${venue}", since it has no urls` });
    return value;
  };
  const urls = { rest: read(PAPER_URLS.rest), stream: read(PAPER_URLS.stream), wsApi: read(PAPER_URLS.wsApi) };
  throwProblems('(environment)', [...problems, ...paperAddressProblems(env)]);
  return urls;
}

function readFile(path: string): { input?: unknown; problem?: Problem } {
  try {
    return { input: parseJsonc(readFileSync(path, 'utf8')) };
  } catch (error) {
    if (error instanceof JsoncSyntaxError) {
      return { problem: { path: `line ${error.line}, column ${error.column}`, message: error.message } };
    }
    const code = error instanceof Error && 'code' in error ? String(error.code) : String(error);
    return { problem: { path: '', message: `cannot be read (${code}); KEELSON_CONFIG or --config says where it is` } };
  }
}

function environmentProblems(env: Environment): Problem[] {
  const problems: Problem[] = [];
  if (knownEnvironmentName(env) === undefined) {
    problems.push({ path: 'ENVIRONMENT', message: `expected development, test, staging or production, found "${env['ENVIRONMENT']}"` });
  }
  if (knownLogLevel(env) === undefined) {
    problems.push({ path: 'LOG_LEVEL', message: `expected one of ${LOG_LEVELS.join(', ')}, found "${env['LOG_LEVEL']}"` });
  }
  const database = readVariable(env, 'DATABASE_URL');
  if (database.problem) problems.push(database.problem);
  // The value may hold a password: the message shows none of it.
  if (database.value !== undefined && !(URL.canParse(database.value) && /^postgres(ql)?:$/.test(new URL(database.value).protocol))) {
    problems.push({ path: 'DATABASE_URL', message: 'expected an address such as postgres://user:password@host:5432/database' });
  }
  for (const name of ['KEELSON_API_PORT', 'KEELSON_METRICS_PORT']) {
    const value = env[name];
    if (value && !(/^\d{1,5}$/.test(value) && Number(value) <= 65_535))
      problems.push({ path: name, message: `expected a port from 0 to 65535, found "${value}"` });
  }
  return [...problems, ...paperAddressProblems(env)];
}

/** A paper venue's address from the environment is held to the same rule as one from the file: it can never be a live venue. */
function paperAddressProblems(env: Environment): Problem[] {
  return Object.values(PAPER_URLS).flatMap((name) => {
    const value = env[name];
    if (!value || isPaperAddress(value)) return [];
    return [
      {
        path: name,
        message: `expected an address on this machine, a private network or the venue’s test network, found "${withoutCredentials(value)}"`,
      },
    ];
  });
}

function liveTradingProblems(config: Config, env: Environment): Problem[] {
  return Object.entries(config.accounts).flatMap(([name, account]): Problem[] => {
    if (config.venues[account.venue]?.paper !== false) return [];
    if (account.allowLiveTrading && knownEnvironmentName(env) === 'production') return [];
    const values = { account: name, venue: account.venue };
    return [
      { path: `accounts.${name}`, message: failure('CONFIG_LIVE_TRADING', values).message, cause: { code: 'CONFIG_LIVE_TRADING', values } },
    ];
  });
}

/** What is missing, and which accounts with real money would be one at their venue: two ledgers over it would not know of each other. */
function credentialProblems({ accounts, venues }: Config, env: Environment, wanted: 'none' | 'live' | 'all'): Problem[] {
  const holders = new Map<string, string>();
  return Object.entries(accounts).flatMap(([account, { venue: name }]): readonly Problem[] => {
    const venue = venues[name];
    const isLive = venue?.paper === false;
    if (wanted === 'none' || (wanted === 'live' && !isLive)) return [];
    const { credentials, problems } = readCredentials(env, account);
    if (!isLive || credentials === undefined) return problems;
    const key = `${venue.profile} ${credentials.apiKey}`;
    const other = holders.get(key);
    holders.set(key, other ?? account);
    if (other === undefined) return problems;
    const code = 'CONFIG_SHARED_KEY';
    const names = [other, account].map((one) => `EXCHANGE_API_KEY_${accountSuffix(one)}`).join(' and ');
    const values = { account: other, other: account, profile: venue.profile, names };
    return [{ path: `accounts.${account}`, message: failure(code, values).message, cause: { code, values } }];
  });
}

function unprovenProblems(config: Config): Problem[] {
  return Object.entries(config.accounts).flatMap(([account, { venue, acceptUnproven }]): Problem[] => {
    const configured = config.venues[venue];
    if (configured === undefined || configured.paper || acceptUnproven || VENUE_WIRES[configured.profile].isProven) return [];
    const code = 'CONFIG_VENUE_UNPROVEN';
    const values = { account, venue, profile: configured.profile };
    return [{ path: `accounts.${account}`, message: failure(code, values).message, cause: { code, values } }];
  });
}

/** Limits add up what is in one quote asset: of an account, and of all accounts at a venue where one of them has a limit over it. */
function quoteProblems({ accounts, limits, strategies }: Config): Problem[] {
  const code = 'CONFIG_MIXED_QUOTES';
  const quotesOf = (isIn: (account: string) => boolean): readonly string[] => [
    ...new Set(
      strategies.filter(({ account }) => isIn(account)).flatMap((one) => one.instruments.map((name) => name.split('/')[1] ?? name)),
    ),
  ];
  const problem = (path: string, scope: string, quotes: readonly string[], otherwise: string): Problem[] => {
    if (quotes.length < 2) return [];
    const values = { scope, quotes: quotes.join(' and '), else: otherwise };
    return [{ path, message: failure(code, values).message, cause: { code, values } }];
  };
  const limited = Object.entries(accounts).filter(([name]) => {
    const { maxVenueExposure, maxVenueNetExposure } = limits[name] ?? {};
    return maxVenueExposure !== undefined || maxVenueNetExposure !== undefined;
  });
  return [
    ...Object.keys(accounts).flatMap((name) =>
      problem(
        `accounts.${name}`,
        name,
        quotesOf((account) => account === name),
        ', and give the other an account of its own',
      ),
    ),
    ...[...new Set(limited.map(([, { venue }]) => venue))].flatMap((venue) =>
      problem(
        `venues.${venue}`,
        venue,
        quotesOf((account) => accounts[account]?.venue === venue),
        ', or take the limits over the venue out',
      ),
    ),
  ];
}

/** Bars that a venue does not have would be waited for in vain. */
function intervalProblems(config: Config): Problem[] {
  return config.strategies.flatMap(({ account, interval }, index): Problem[] => {
    const profile = config.venues[config.accounts[account]?.venue ?? '']?.profile;
    if (profile === undefined) return [];
    const has = Object.entries(INTERVALS).filter(([, ms]) => VENUE_WIRES[profile].barIntervalsMs.includes(ms));
    if (has.some(([name]) => name === interval)) return [];
    const known = has.map(([name]) => `"${name}"`).join(', ');
    return [{ path: `strategies[${index}].interval`, message: `expected one of the bars of ${profile} (${known}), found "${interval}"` }];
  });
}

/** A signal that has expired before its bar can be known is never sent. */
function signalProblems(config: Config): Problem[] {
  return config.strategies.flatMap(({ account, signalValidMs }, index): Problem[] => {
    const profile = config.venues[config.accounts[account]?.venue ?? '']?.profile;
    if (profile === undefined || VENUE_WIRES[profile].streamsBars || signalValidMs >= ASKED_SIGNAL_VALID_MS) return [];
    const message = `expected at least ${ASKED_SIGNAL_VALID_MS}: ${profile} streams no bars, and they are asked for after their close; found ${signalValidMs}`;
    return [{ path: `strategies[${index}].signalValidMs`, message }];
  });
}

/** A warning that comes with the limit warns of nothing. */
function watchProblems(config: Config): Problem[] {
  return Object.entries(config.accounts).flatMap(([account, { watch }]) =>
    (['dailyLoss', 'drawdown'] as const).flatMap((what): Problem[] => {
      const [warn, limit] = [watch[`${what}WarnRatio`], watch[`${what}LimitRatio`]];
      if (warn < limit) return [];
      return [
        { path: `accounts.${account}.watch.${what}WarnRatio`, message: `expected less than ${what}LimitRatio (${limit}), found ${warn}` },
      ];
    }),
  );
}

/** What is read more seldom than it may be old is too old by turns. */
function calendarProblems({ calendar }: Config): Problem[] {
  if (calendar === undefined || calendar.maxAgeMinutes > calendar.refreshMinutes) return [];
  const message = `expected more than refreshMinutes (${calendar.refreshMinutes}), found ${calendar.maxAgeMinutes}`;
  return [{ path: 'calendar.maxAgeMinutes', message }];
}

/** What is written in a chat comes under its number: a name would fit none, and who halts there would not be heard. */
function chatProblems({ alerts: { telegram } }: Config): Problem[] {
  if (telegram?.people === undefined) return [];
  return telegram.chats.flatMap((chat, index): Problem[] => {
    const message = `expected the number of the chat, such as "-100123", since people may halt in it, found "${chat}"`;
    return chat.startsWith('@') ? [{ path: `alerts.telegram.chats.${index}`, message }] : [];
  });
}

function unique(problems: readonly Problem[]): Problem[] {
  return [...new Map(problems.map((problem) => [`${problem.path}\n${problem.message}`, problem])).values()];
}
