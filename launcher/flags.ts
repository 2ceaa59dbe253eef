import { resolve } from 'node:path';
import { Command, CommanderError, InvalidArgumentError, Option } from 'commander';
import { INTERVALS } from '../config/index.js';
import type { Interval } from '../config/index.js';
import type { Overrides } from './overrides.js';

/** What the command line of `npm start` says. */
export interface Flags {
  readonly json: boolean;
  readonly home: string | undefined;
  readonly config: string | undefined;
  readonly overrides: Overrides;
}

export type FlagsResult =
  | { readonly kind: 'flags'; readonly flags: Flags }
  /** Help that was asked for (code 0), or usage after a mistake (code 2). */
  | { readonly kind: 'text'; readonly text: string; readonly exitCode: 0 | 2 };

interface Raw {
  readonly json?: boolean;
  readonly home?: string;
  readonly config?: string;
  readonly startOffset?: number;
  readonly interval?: Interval;
  readonly seed?: number;
  readonly data: readonly { readonly instrument: string; readonly path: string }[];
}

const INSTRUMENT = /^[A-Z0-9]{1,15}\/[A-Z0-9]{1,15}$/;

const whole =
  (most: number) =>
  (text: string): number => {
    if (!/^\d{1,10}$/.test(text) || Number(text) > most) throw new InvalidArgumentError(`Expected a whole number from 0 to ${most}.`);
    return Number(text);
  };

/** @param folder what relative paths of files are relative to. */
export function parseFlags(args: readonly string[], folder: string): FlagsResult {
  const series = (text: string, before: Raw['data']): Raw['data'] => {
    const at = text.lastIndexOf('@');
    const instrument = text.slice(at + 1);
    if (at < 1 || !INSTRUMENT.test(instrument)) throw new InvalidArgumentError('Expected FILE@INSTRUMENT, such as prices.csv@BTC/USDT.');
    return [...before, { instrument, path: resolve(folder, text.slice(0, at)) }];
  };
  let text = '';
  const command = new Command('npm start --')
    .description('Starts Keelson on this machine: Temporal, Postgres, the paper venue, the workers and the API; then shows what happens.')
    .option('--json', 'one JSON object a line instead of text')
    .option('--home <folder>', 'where data, logs and keys are kept (default: KEELSON_HOME, else .keelson)')
    .option('--config <file>', 'configuration (default: KEELSON_CONFIG, else keelson.config.json)')
    .addOption(new Option('--start-offset <bar>', 'recorded bar to begin with, on a new home').argParser(whole(10_000_000)))
    .addOption(new Option('--interval <interval>', 'play one recorded bar as one bar of this length').choices(Object.keys(INTERVALS)))
    .addOption(new Option('--seed <number>', 'seed of the simulated prices').argParser(whole(4_294_967_295)))
    .addOption(
      new Option('--data <file@instrument>', 'play recorded bars from this file, such as prices.csv@BTC/USDT; may be repeated')
        .argParser(series)
        .default([], 'as configured'),
    )
    .helpOption('--help', 'this text')
    .addHelpText('after', '\nnpm run reset empties the home. Guide: docs/guides. Every setting: docs/reference/configuration.md.')
    .allowExcessArguments(false)
    .showHelpAfterError()
    .exitOverride()
    .configureOutput({ writeOut: (piece) => (text += piece), writeErr: (piece) => (text += piece) });
  try {
    command.parse([...args], { from: 'user' });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    return { kind: 'text', text, exitCode: error.exitCode === 0 ? 0 : 2 };
  }
  const raw = command.opts<Raw>();
  return {
    kind: 'flags',
    flags: {
      json: raw.json ?? false,
      home: raw.home,
      config: raw.config,
      overrides: {
        data: [...raw.data],
        ...(raw.startOffset === undefined ? {} : { startOffset: raw.startOffset }),
        ...(raw.interval === undefined ? {} : { interval: raw.interval }),
        ...(raw.seed === undefined ? {} : { seed: raw.seed }),
      },
    },
  };
}
