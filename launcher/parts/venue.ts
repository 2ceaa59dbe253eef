import { isAbsolute, join, resolve } from 'node:path';
import { accountSuffix } from '../../config/environment.js';
import type { Config } from '../../config/index.js';
import { paperKeys } from '../home/keys.js';
import type { VenueKeys } from '../home/keys.js';
import type { Addresses } from '../home/run-file.js';
import { writeWhole } from '../home/write-file.js';
import type { PriceSource, ShownInstrument } from '../screen/events.js';
import { nodeChild } from '../supervise/node-child.js';
import { choosePort } from './launch-context.js';
import type { LaunchContext } from './launch-context.js';

export interface PaperVenue {
  readonly addresses: NonNullable<Addresses['venue']>;
  /** What children need to trade there. */
  readonly env: NodeJS.ProcessEnv;
}

type KeysByAccount = Readonly<Record<string, VenueKeys>>;

/** The accounts that trade at the paper venue which runs beside us: their venue is paper and has no addresses of its own. */
export const paperAccounts = (config: Config): readonly string[] =>
  Object.entries(config.accounts).flatMap(([account, { venue: name }]) => {
    const venue = config.venues[name];
    return venue?.paper === true && venue.urls === undefined ? [account] : [];
  });

/** Starts the paper venue when an account needs it. */
export async function bringUpVenue(context: LaunchContext): Promise<PaperVenue | undefined> {
  const { config, paths, root, steps, supervisor, env } = context;
  const accounts = paperAccounts(config);
  if (accounts.length === 0) return undefined;
  const port = await choosePort(context, 'the paper venue', config.ports.venue);
  const adminPort = await choosePort(context, 'the paper venue’s admin', config.ports.venueAdmin);
  const keys = paperKeys(paths.venueKeys, accounts);
  writeWhole(paths.venueAccounts, `${JSON.stringify(venueAccounts(config, keys, accounts), undefined, 2)}\n`);
  return steps.run('venue', 'Starting the paper venue', async () => {
    await supervisor.start(
      nodeChild({
        name: 'venue',
        file: join(root, 'dist', 'exchange', 'main.js'),
        args: [
          ...['--port', String(port), '--admin-port', String(adminPort), '--journal', paths.venueJournal],
          ...['--json', '--exit-with-stdin', '--accounts-file', paths.venueAccounts],
          ...venueFlags(config, context.configFolder),
        ],
        cwd: root,
        env: () => Promise.resolve({ ...env, KEELSON_HOME: paths.home, KEELSON_SUPERVISED: '1' }),
        log: join(paths.logs, 'venue.log'),
        stopLimitMs: 3000,
        readyLine: listeningLine,
        // Its admin side: whatever the answer, and whatever fault the trading side was told to show, it is alive.
        ask: () => fetch(`http://127.0.0.1:${adminPort}/`, { signal: AbortSignal.timeout(5000) }).then((answer) => answer.arrayBuffer()),
      }),
    );
    const addresses = {
      rest: `http://127.0.0.1:${port}`,
      stream: `ws://127.0.0.1:${port}/ws`,
      wsApi: `ws://127.0.0.1:${port}/ws-api/v3`,
      admin: `http://127.0.0.1:${adminPort}`,
    };
    return {
      done: `The paper venue answers at ${addresses.rest}`,
      result: { addresses, env: venueEnvironment(addresses, keys, accounts) },
    };
  });
}

/** Flags of the paper venue that follow from the configuration. */
export function venueFlags(config: Config, folder: string): readonly string[] {
  const { demo } = config;
  const inFolder = (path: string): string => (isAbsolute(path) ? path : resolve(folder, path));
  return [
    ...['--interval', demo.interval, '--start-offset', String(demo.startOffset), '--seed', String(demo.seed)],
    ...demo.data.flatMap(({ path, instrument, from }) => [
      '--data',
      `${inFolder(path)}@${instrument}${from === undefined ? '' : `:${from}..`}`,
    ]),
    ...demo.simulate.flatMap(({ instrument, startPrice, barVolatilityRatio }, index) => [
      '--simulate',
      // Each series has a seed of its own, or they would all move alike.
      `${instrument}@${demo.seed + index}:${startPrice},${barVolatilityRatio}`,
    ]),
  ];
}

/** The accounts that the paper venue opens, in the words of its `--account`; they are secrets, so they go by a file. */
export function venueAccounts({ demo }: Config, keys: KeysByAccount, accounts: readonly string[]): readonly string[] {
  const balances = Object.entries(demo.balances).map(([asset, amount]) => `${asset}=${amount}`);
  return accounts.map((account) => {
    const { apiKey, apiSecret } = keys[account] ?? { apiKey: '', apiSecret: '' };
    return [account, apiKey, apiSecret, balances.join(',')].join(':');
  });
}

/** An account at the paper venue gets its paper key under its own name, so that a real key never reaches it. */
function venueEnvironment(addresses: PaperVenue['addresses'], keys: KeysByAccount, accounts: readonly string[]): NodeJS.ProcessEnv {
  const env: NodeJS.ProcessEnv = {
    KEELSON_PAPER_REST: addresses.rest,
    KEELSON_PAPER_STREAM: addresses.stream,
    KEELSON_PAPER_WSAPI: addresses.wsApi,
  };
  for (const account of accounts) {
    env[`EXCHANGE_API_KEY_${accountSuffix(account)}`] = keys[account]?.apiKey;
    env[`EXCHANGE_API_SECRET_${accountSuffix(account)}`] = keys[account]?.apiSecret;
  }
  return env;
}

/** The traded instruments with where their prices come from. */
export function shownInstruments(config: Config): readonly ShownInstrument[] {
  const paper = new Set(paperAccounts(config));
  const sourceOf = (account: string, instrument: string): PriceSource => {
    if (!paper.has(account)) return 'venue';
    return config.demo.data.some((series) => series.instrument === instrument) ? 'recorded' : 'simulated';
  };
  const shown = new Map(
    config.strategies.flatMap(({ account, instruments }) =>
      instruments.map((instrument): [string, ShownInstrument] => [instrument, { instrument, source: sourceOf(account, instrument) }]),
    ),
  );
  return [...shown.values()];
}

function listeningLine(line: string): Readonly<Record<string, unknown>> | undefined {
  if (!line.startsWith('{')) return undefined;
  try {
    const said: unknown = JSON.parse(line);
    const isListening = typeof said === 'object' && said !== null && 'event' in said && said.event === 'listening';
    return isListening ? said : undefined;
  } catch {
    return undefined;
  }
}
