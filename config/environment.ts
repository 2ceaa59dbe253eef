/** A variable that Keelson reads. `perAccount`: also as NAME_<ACCOUNT>; `asFile`: also as NAME_FILE, the path of a file with the value. */
export interface EnvironmentVariable {
  readonly name: string;
  readonly meaning: string;
  readonly usual: string;
  readonly isSecret: boolean;
  readonly perAccount: boolean;
}

export type Environment = Readonly<Record<string, string | undefined>>;

const variable = (
  name: string,
  usual: string,
  meaning: string,
  kind: 'plain' | 'secret' | 'accountSecret' = 'plain',
): EnvironmentVariable => ({
  name,
  meaning,
  usual,
  isSecret: kind !== 'plain',
  perAccount: kind === 'accountSecret',
});

/** Every variable, in the order of `docs/reference/configuration.md`, which a test holds to this list. */
export const ENVIRONMENT_VARIABLES: readonly EnvironmentVariable[] = [
  variable(
    'ENVIRONMENT',
    'development',
    'Name of the deployment: `development`, `test`, `staging` or `production` (`dev` and `prod` are understood). Live trading needs `production`.',
  ),
  variable('LOG_LEVEL', 'info', 'Least severe level that is logged: `trace`, `debug`, `info`, `warn`, `error` or `fatal`.'),
  variable('DATABASE_URL', 'the embedded Postgres', 'Address of Postgres: `postgres://user:password@host:port/database`.', 'secret'),
  variable('EXCHANGE_API_KEY', 'made for the paper venue', 'Key of the venue account.', 'accountSecret'),
  variable('EXCHANGE_API_SECRET', 'made for the paper venue', 'Secret of that key.', 'accountSecret'),
  variable(
    'TEMPORAL_ADDRESS',
    'the embedded server',
    'Address of a Temporal server, `host:port`; the other standard `TEMPORAL_…` variables and the profile file are read too.',
  ),
  variable('TEMPORAL_NAMESPACE', 'default', 'Namespace on that server.'),
  variable('KEELSON_CONFIG', 'keelson.config.json', 'Path of the configuration file.'),
  variable('KEELSON_HOME', '.keelson', 'Folder of this instance: its data, logs, lock and the owner’s key.'),
  variable('KEELSON_TEMPORAL_BIN', 'found by itself', 'A Temporal server program to start.'),
  variable('KEELSON_PAPER_REST', 'set by `npm start`', 'REST address of the paper venue.'),
  variable('KEELSON_PAPER_STREAM', 'set by `npm start`', 'Stream address of the paper venue.'),
  variable('KEELSON_PAPER_WSAPI', 'set by `npm start`', 'WebSocket API address of the paper venue.'),
  variable('KEELSON_API_HOST', '127.0.0.1', 'Address the API listens on. Another than loopback only behind a proxy that ends TLS.'),
  variable('KEELSON_API_PORT', 'ports.api', 'Port the API listens on.'),
  variable(
    'KEELSON_API_HOSTS',
    'none',
    'Further names, separated by commas, under which the API may be called (Host header), such as the proxy’s.',
  ),
  variable('KEELSON_API_URL', 'of run.json', 'Where the command line finds the API, when not from KEELSON_HOME.'),
  variable('KEELSON_API_KEY', 'the owner’s key', 'Key with which the command line calls the API.', 'secret'),
  variable(
    'KEELSON_INSTANCE',
    '1',
    'Which of its role a worker is, where several run: a guardian has an account stream of its own, a trading worker its own contact with the ledger. A number for each, kept over restarts.',
  ),
  variable(
    'KEELSON_START',
    'set by `npm start`',
    'Which start or deployment a worker belongs to. Each makes its strategy versions the active ones and begins the start-up of its accounts, once; a worker that is restarted under the same name does neither again. Without it no start-up begins by itself. Each rollout needs a name that was never used, a rollback too: a process under the name of an older start says so (`CONFIG_START_OLDER`), and people are told. Of two starts the one that came first is the older, and brings neither a calendar nor schedules.',
  ),
  variable('KEELSON_ALERT_WEBHOOK_URL', 'none', 'Address to which warnings and worse are posted as JSON.', 'secret'),
  variable('KEELSON_TELEGRAM_TOKEN', 'none', 'Token of the bot that `alerts.telegram` sends with.', 'secret'),
  variable('KEELSON_SMTP_PASSWORD', 'none', 'Password of `alerts.email.user`.', 'secret'),
  variable('KEELSON_SMS_WEBHOOK_URL', 'none', 'Address of the service that sends short messages for `alerts.sms`.', 'secret'),
  variable(
    'KEELSON_METRICS_PORT',
    'set by `npm start`',
    'Port of a worker’s `/metrics`, `/livez`, and `/readyz`: 503 while it is without Temporal.',
  ),
  variable('KEELSON_TEMPORAL_UI', 'set by `npm start`', 'Address of the Temporal UI, shown by `keelson status`.'),
  variable('KEELSON_SUPERVISED', 'set by `npm start`', '1 in processes that the launcher started.'),
];

export type EnvironmentName = 'development' | 'test' | 'staging' | 'production';
const NAMES: Readonly<Record<string, EnvironmentName>> = {
  development: 'development',
  dev: 'development',
  test: 'test',
  staging: 'staging',
  production: 'production',
  prod: 'production',
};
export const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

/** The deployment's name, `development` when unset; undefined when it is not one that Keelson knows. */
export function knownEnvironmentName(env: Environment): EnvironmentName | undefined {
  return NAMES[(env['ENVIRONMENT'] || 'development').toLowerCase()];
}

export function knownLogLevel(env: Environment): LogLevel | undefined {
  const level = (env['LOG_LEVEL'] || 'info').toLowerCase();
  return LOG_LEVELS.find((known) => known === level);
}

/** The middle of an account's variable names: account `desk-2` has `EXCHANGE_API_KEY_DESK_2`. */
export function accountSuffix(account: string): string {
  return account.toUpperCase().replace(/[^A-Z0-9]/g, '_');
}
