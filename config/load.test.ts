import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, describe, expect, test } from 'vitest';
import { KeelsonError } from '../core/errors.js';
import type { ExecutionPolicy } from '../core/execution/policy.js';
import { decimalTextOf } from '../core/money/index.js';
import type { Sizing } from '../core/sizing/sizing.js';
import { environmentName, loadConfig, secrets, venueUrls, type Config, type Environment } from './index.js';
import { parseJsonc } from './jsonc.js';

const root = new URL('..', import.meta.url).pathname;
const folder = mkdtempSync(join(tmpdir(), 'keelson-config-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

type Shape = { [key: string]: Shape } & Shape[] & unknown;
let files = 0;
const written = (content: string): string => {
  const path = join(folder, `config-${(files += 1)}.json`);
  writeFileSync(path, content);
  return path;
};
const usual = (): Shape => parseJsonc(readFileSync(join(root, 'keelson.config.json'), 'utf8')) as Shape;
/** Loads the default file after `change`. */
const load = (change: (file: Shape) => void, env: Environment = {}, credentials: 'none' | 'live' | 'all' = 'none'): Config => {
  const file = usual();
  change(file);
  return loadConfig({ path: written(JSON.stringify(file)), env, credentials });
};
const problem = (action: () => unknown): { code: string; lines: string[] } => {
  try {
    action();
  } catch (error) {
    if (!(error instanceof KeelsonError)) throw error;
    const { code, message, values } = error.failure;
    return { code, lines: code === 'CONFIG_INVALID' ? String(values['problems']).split('\n') : [message] };
  }
  throw new Error('no problem was found');
};

describe('the configuration', () => {
  test('of the repository loads, with defaults filled in', () => {
    const config = loadConfig({ path: join(root, 'keelson.config.json'), env: {} });
    expect(config.accounts['main']).toMatchObject({
      venue: 'paper',
      allowLiveTrading: false,
      acceptUnproven: false,
      watch: { drawdownLimitRatio: 0.15 },
    });
    expect(config.limits['main']).toMatchObject({ maxOrderNotional: '1000', collarBps: 50 });
    expect(config.ports.api).toBe(7400);
  });

  test('is not complete without the secrets of the channels that are set up, for whoever has to tell people', () => {
    const file = usual();
    const path = written(
      JSON.stringify({
        ...file,
        alerts: { telegram: { chats: ['-1'] }, email: { host: 'h', from: 'a@b', to: ['c@d'], user: 'u' }, sms: { to: ['+491700000001'] } },
      }),
    );
    const missing = problem(() => loadConfig({ path, env: {}, alertSecrets: true })).lines;
    for (const name of ['KEELSON_TELEGRAM_TOKEN', 'KEELSON_SMTP_PASSWORD', 'KEELSON_SMS_WEBHOOK_URL']) {
      expect(missing).toContainEqual(expect.stringContaining(`${name}: is missing`));
    }
    const env = { KEELSON_TELEGRAM_TOKEN: 't', KEELSON_SMTP_PASSWORD: 'p', KEELSON_SMS_WEBHOOK_URL: 'https://sms.example' };
    expect(loadConfig({ path, env, alertSecrets: true }).alerts.sms?.to).toEqual(['+491700000001']);
    // Other processes tell nobody.
    expect(loadConfig({ path, env: {} }).alerts.sms?.to).toEqual(['+491700000001']);
  });

  test('lets no two accounts with real money trade one account of their venue, as where the name of a variable has a slip in it', () => {
    const env = { ENVIRONMENT: 'production', EXCHANGE_API_KEY: 'hunter2', EXCHANGE_API_SECRET: 's', EXCHANGE_API_KEY_DESK2: 'k2' };
    const own = { EXCHANGE_API_KEY_DESK_2: 'k2', EXCHANGE_API_SECRET_DESK_2: 's2' };
    const desks = (paper: boolean) => (file: Shape) => {
      const { main } = file['limits'] as Shape;
      const host = paper ? 'testnet.binance.vision' : 'api.example.com';
      const urls = { rest: `https://${host}`, stream: `wss://${host}/ws`, wsApi: `wss://${host}/ws-api/v3` };
      const desk = { venue: 'desk', allowLiveTrading: true, acceptUnproven: true };
      Object.assign(file, {
        venues: { desk: { profile: 'binance', paper, urls } },
        accounts: { 'desk-1': desk, 'desk-2': desk },
        limits: { 'desk-1': main, 'desk-2': main },
        strategies: [],
      });
    };
    const found = problem(() => load(desks(false), env, 'live'));
    expect(found).toEqual({
      code: 'CONFIG_SHARED_KEY',
      lines: [expect.stringContaining('Accounts desk-1 and desk-2 have the same key') as string],
    });
    expect(found.lines[0]).toContain('EXCHANGE_API_KEY_DESK_1 and EXCHANGE_API_KEY_DESK_2');
    expect(found.lines[0]).not.toContain('hunter2');
    expect(Object.keys(load(desks(false), { ...env, ...own }, 'all').accounts)).toEqual(['desk-1', 'desk-2']);
    expect(Object.keys(load(desks(true), env, 'all').accounts)).toEqual(['desk-1', 'desk-2']);
  });

  test('knows a chat in which people may halt by its number', () => {
    const loaded = (telegram: object): Config =>
      loadConfig({ path: written(JSON.stringify({ ...(usual() as object), alerts: { telegram } })), env: {} });
    const chats = ['-1', '@desk'];
    expect(problem(() => loaded({ chats, people: { '5': 'olga' } })).lines).toEqual([
      '  alerts.telegram.chats.1: expected the number of the chat, such as "-100123", since people may halt in it, found "@desk"',
    ]);
    expect(loaded({ chats }).alerts.telegram).toMatchObject({ chats });
    expect(loaded({ chats: ['-1'], people: { '5': 'olga' } }).alerts.telegram).toMatchObject({ chats: ['-1'] });
  });

  test('has entries waited for five minutes at most when an account is shut down', () => {
    const loaded = (waitAtMostMs: number): Config =>
      load((file) => Object.assign((file['accounts'] as Record<string, Shape>)['main'] ?? {}, { shutdown: { waitAtMostMs } }));
    expect(loaded(300_000).accounts['main']?.shutdown).toEqual({ workingEntries: 'wait', waitAtMostMs: 300_000 });
    expect(problem(() => loaded(300_001)).lines).toEqual([expect.stringContaining('accounts.main.shutdown.waitAtMostMs: expected')]);
    expect(problem(() => loaded(-1)).lines).toHaveLength(1);
  });

  test('tells every problem at once, with path and expectation', () => {
    const found = problem(() =>
      load(
        (file) => {
          const set = (path: string, value: unknown): void => {
            const keys = path.split('.');
            const last = keys.pop() as string;
            (keys.reduce<Shape>((at, key) => at[key] as Shape, file) as Record<string, unknown>)[last] = value;
          };
          set('limits.main.maxOrderNotional', 500);
          set('limits.main.maxOpenOrders', 2.5);
          set('limits.main.colarBps', 5);
          set('limits.ghost', { ...(file['limits'] as Shape)['main'] });
          set('accounts.main.venue', 'papper');
          set('accounts.Upper', { venue: 'paper' });
          set('strategies.0.instruments.1', 'btcusdt');
          set('strategies.0.interval', '7s');
          set('strategies.0.sizing.notional', '1e3');
          set('strategies.0.model.sha256', 'abc');
          set('venues.paper.urls', {
            rest: 'https://api.binance.com',
            stream: 'wss://stream.binance.com/ws',
            wsApi: 'ws://127.0.0.1:1/ws-api/v3',
          });
          set('speed', 3);
          set('demo.balances', { USDT: '-1' });
        },
        { ENVIRONMENT: 'prodd', LOG_LEVEL: 'loud', DATABASE_URL: 'mysql://u:hunter2@h/x', KEELSON_API_PORT: '70000' },
      ),
    );
    expect(found.code).toBe('CONFIG_INVALID');
    expect(found.lines.join('\n')).not.toContain('hunter2');
    expect(found.lines.toSorted()).toMatchInlineSnapshot(`
      [
        "  DATABASE_URL: expected an address such as postgres://user:password@host:5432/database",
        "  ENVIRONMENT: expected development, test, staging or production, found "prodd"",
        "  KEELSON_API_PORT: expected a port from 0 to 65535, found "70000"",
        "  LOG_LEVEL: expected one of trace, debug, info, warn, error, fatal, found "loud"",
        "  accounts.Upper: as a key: expected a name of lower-case letters, digits and hyphens, such as "main"",
        "  accounts.main.venue: expected a venue of this file ("paper"), found "papper"",
        "  demo.balances.USDT: expected a decimal above 0 in a string, such as "500" or "0.25", found "-1"",
        "  limits.Upper: is missing: every account needs its limits",
        "  limits.ghost.colarBps: is not a known key",
        "  limits.ghost.maxOpenOrders: expected a whole number from 1 to 1000, found 2.5",
        "  limits.ghost.maxOrderNotional: expected a decimal above 0 in a string, such as "500" or "0.25", found 500",
        "  limits.ghost: expected an account of this file ("main", "Upper"), found "ghost"",
        "  limits.main.colarBps: is not a known key",
        "  limits.main.maxOpenOrders: expected a whole number from 1 to 1000, found 2.5",
        "  limits.main.maxOrderNotional: expected a decimal above 0 in a string, such as "500" or "0.25", found 500",
        "  speed: is not a known key",
        "  strategies[0].instruments[1]: expected an instrument as BASE/QUOTE, such as "BTC/USDT", found "btcusdt"",
        "  strategies[0].interval: expected one of "1s", "1m", "3m", "5m", "15m", "30m", "1h", "2h", "4h", "6h", "8h", "12h", "1d", found "7s"",
        "  strategies[0].model.sha256: expected 64 hexadecimal digits, found "abc"",
        "  strategies[0].sizing.notional: expected a decimal above 0 in a string, such as "500" or "0.25", found "1e3"",
        "  venues.paper.urls.rest: expected this machine, a private network or the venue’s test network since paper is true, found "https://api.binance.com"",
        "  venues.paper.urls.stream: expected this machine, a private network or the venue’s test network since paper is true, found "wss://stream.binance.com/ws"",
      ]
    `);
  });

  test('checks an account at times of its own zone, which there must be', () => {
    const checksOf = (checks: object) => load((file) => void Object.assign((file['accounts'] as Shape)['main'] as object, { checks }));
    expect(checksOf({}).accounts['main']?.checks).toEqual({ timeZone: 'Europe/Madrid', morning: '08:00', evening: '18:30' });
    expect(checksOf({ timeZone: 'America/New_York' }).accounts['main']?.checks.timeZone).toBe('America/New_York');
    // Temporal tells capitals apart, and takes a zone by its own name only.
    const named = ['utc', 'europe/madrid', 'us/eastern', 'Etc/GMT-1'].map(
      (timeZone) => checksOf({ timeZone }).accounts['main']?.checks.timeZone,
    );
    expect(named).toEqual(['UTC', 'Europe/Madrid', 'America/New_York', 'Etc/GMT-1']);
    expect(problem(() => checksOf({ timeZone: 'Europe/Madird', morning: '24:00', evening: '8:00' })).lines.toSorted()).toEqual([
      '  accounts.main.checks.evening: expected a time of day, such as "08:00", found "8:00"',
      '  accounts.main.checks.morning: expected a time of day, such as "08:00", found "24:00"',
      '  accounts.main.checks.timeZone: expected a time zone, such as "Europe/Madrid" or "UTC", found "Europe/Madird"',
    ]);
  });

  test('sizes and works entries in each of the forms, a market order when nothing is said', () => {
    const strategyOf = (changes: object): Config['strategies'][number] | undefined =>
      load((file) => void Object.assign((file['strategies'] as Shape)[0] as object, changes)).strategies[0];
    const sizings: readonly Sizing[] = [
      { kind: 'fixedNotional', notional: decimalTextOf('500') },
      { kind: 'riskPerTrade', risk: decimalTextOf('20') },
      { kind: 'volatilityTarget', target: decimalTextOf('5.5'), maxNotional: decimalTextOf('900') },
    ];
    for (const sizing of sizings) expect(strategyOf({ sizing })?.sizing satisfies Sizing | undefined).toEqual(sizing);
    const limit = { kind: 'limit', offsetBps: -5, workMs: 1_500, replaceBps: 10 } as const;
    const worked: ExecutionPolicy | undefined = strategyOf({ execution: limit })?.execution;
    expect(worked).toEqual({ ...limit, postOnly: false });
    expect(strategyOf({})?.execution).toEqual({ kind: 'market' });
  });

  test('says which forms of sizing and execution there are, and refuses the keys of another form', () => {
    const found = problem(() =>
      load((file) =>
        Object.assign((file['strategies'] as Shape)[0] as object, {
          sizing: { kind: 'fixedNotional', notional: '500', risk: '3' },
          execution: { kind: 'twap' },
        }),
      ),
    );
    expect(found.lines).toEqual([
      '  strategies[0].sizing.risk: is not a known key',
      '  strategies[0].execution.kind: expected one of "market", "limit", found "twap"',
    ]);
    const other = problem(() =>
      load((file) =>
        Object.assign((file['strategies'] as Shape)[0] as object, {
          sizing: '500',
          execution: { kind: 'limit', workMs: 5, offsetBps: 0.5 },
        }),
      ),
    );
    expect(other.lines).toEqual([
      '  strategies[0].sizing: expected an object with a kind, found "500"',
      '  strategies[0].execution.offsetBps: expected a whole number from -1000 to 1000, found 0.5',
      '  strategies[0].execution.workMs: expected a whole number from 100 to 86400000, found 5',
    ]);
  });

  test('names the line of a syntax error', () => {
    expect(problem(() => loadConfig({ path: written('{\n  "venues": {,}\n}'), env: {} })).lines).toEqual([
      '  line 2, column 14: expected a key in double quotes, found ","',
    ]);
  });

  test('that is not there says how to name it', () => {
    const { lines } = problem(() => loadConfig({ path: join(folder, 'absent.json'), env: {} }));
    expect(lines).toEqual(['  (the whole file): cannot be read (ENOENT); KEELSON_CONFIG or --config says where it is']);
  });
});

describe('whatever is in the file', () => {
  const anything = fc.jsonValue({ maxDepth: 3 });
  /** The default with one value, anywhere, replaced by something else. */
  const changed = fc.tuple(fc.nat(), anything).map(([at, value]) => {
    const places: [Record<string, unknown>, string][] = [];
    const walk = (node: unknown): void => {
      if (typeof node !== 'object' || node === null) return;
      for (const key of Object.keys(node)) {
        places.push([node as Record<string, unknown>, key]);
        walk((node as Record<string, unknown>)[key]);
      }
    };
    const file = usual();
    walk(file);
    const [node, key] = places[at % places.length] ?? [file, '$schema'];
    node[key] = value;
    return file;
  });

  test('it loads or is refused with lines for people, and never loads as live trading', () => {
    const path = written('');
    fc.assert(
      fc.property(fc.oneof(anything, changed), (file) => {
        writeFileSync(path, JSON.stringify(file));
        try {
          const config = loadConfig({ path, env: {} });
          return Object.values(config.accounts).every((account) => config.venues[account.venue]?.paper === true);
        } catch (error) {
          if (!(error instanceof KeelsonError)) throw error;
          return error.failure.code.startsWith('CONFIG_') && !/\binvalid_|undefined|\[object/i.test(error.message);
        }
      }),
      { numRuns: 300 },
    );
  });
});

describe('quote assets', () => {
  const second = (file: Shape): Record<string, unknown> => {
    const [first] = file['strategies'] as readonly Record<string, unknown>[];
    return { ...first, instruments: ['ETH/BTC'] };
  };
  const inSameAccount = (file: Shape): void => void (file['strategies'] as unknown[]).push(second(file));
  const atSameVenue =
    (limit: object) =>
    (file: Shape): void => {
      const accounts = file['accounts'] as Record<string, unknown>;
      const limits = file['limits'] as Record<string, object>;
      accounts['other'] = accounts['main'];
      limits['other'] = { ...limits['main'], ...limit };
      (file['strategies'] as unknown[]).push({ ...second(file), account: 'other' });
    };

  test('of one account are one: limits add up what it holds', () => {
    const found = problem(() => load(inSameAccount));
    expect(found.code).toBe('CONFIG_MIXED_QUOTES');
    expect(found.lines[0]).toContain('main trades in USDT and BTC');
    expect(found.lines[0]).toContain('an account of its own');
  });

  test('of the accounts at a venue are one where one of them has a limit over it', () => {
    expect(load(atSameVenue({})).strategies.at(-1)?.account).toBe('other');
    for (const key of ['maxVenueExposure', 'maxVenueNetExposure']) {
      const found = problem(() => load(atSameVenue({ [key]: '1000' })));
      expect(found.code).toBe('CONFIG_MIXED_QUOTES');
      expect(found.lines[0]).toContain('paper trades in USDT and BTC');
    }
  });
});

describe('live trading', () => {
  const live = (file: Shape): void => {
    (file['venues'] as Record<string, unknown>)['paper'] = {
      profile: 'binance',
      paper: false,
      urls: { rest: 'https://live.example', stream: 'wss://live.example/ws', wsApi: 'wss://live.example/ws-api/v3' },
    };
    ((file['accounts'] as Shape)['main'] as Record<string, unknown>)['acceptUnproven'] = true;
  };
  const consenting = (file: Shape): void => {
    live(file);
    ((file['accounts'] as Shape)['main'] as Record<string, unknown>)['allowLiveTrading'] = true;
  };

  test('needs both ENVIRONMENT=production and the account’s consent', () => {
    expect(problem(() => load(live)).code).toBe('CONFIG_LIVE_TRADING');
    expect(problem(() => load(live, { ENVIRONMENT: 'production' })).code).toBe('CONFIG_LIVE_TRADING');
    expect(problem(() => load(consenting, { ENVIRONMENT: 'staging' })).code).toBe('CONFIG_LIVE_TRADING');
    expect(load(consenting, { ENVIRONMENT: 'prod' }).venues['paper']?.paper).toBe(false);
  });

  test('at a venue that is not proven needs the account’s consent to that as well', () => {
    const unaware = (file: Shape): void => {
      consenting(file);
      ((file['accounts'] as Shape)['main'] as Record<string, unknown>)['acceptUnproven'] = false;
    };
    const found = problem(() => load(unaware, { ENVIRONMENT: 'production' }));
    expect(found.code).toBe('CONFIG_VENUE_UNPROVEN');
    expect(found.lines[0]).toContain('main trades real money at paper, and this build has not been proven against binance');
    expect(problem(() => load(unaware)).lines).toHaveLength(2);
    expect(load(consenting, { ENVIRONMENT: 'production' }).accounts['main']?.acceptUnproven).toBe(true);
  });

  test('needs its credentials when they are asked for', () => {
    const found = problem(() => load(consenting, { ENVIRONMENT: 'prod' }, 'live'));
    expect(found.lines).toEqual([
      '  EXCHANGE_API_KEY: is missing: expected the venue’s key of account main (or EXCHANGE_API_KEY_FILE)',
      '  EXCHANGE_API_SECRET: is missing: expected the venue’s secret of account main (or EXCHANGE_API_SECRET_FILE)',
    ]);
  });

  test('never has a built-in address', () => {
    const found = problem(() => load((file) => Object.assign((file['venues'] as Shape)['paper'] as object, { paper: false })));
    expect(found.lines.join()).toContain('venues.paper.urls: is missing: a live venue’s addresses must be given');
  });

  test('cannot be reached under the name of a paper venue, by the file or by the environment', () => {
    const env = {
      KEELSON_PAPER_REST: 'https://api.binance.com',
      KEELSON_PAPER_STREAM: 'ws://127.0.0.1:1/ws',
      KEELSON_PAPER_WSAPI: 'ws://127.0.0.1:1/x',
    };
    expect(problem(() => load(() => undefined, env)).lines.join()).toContain('KEELSON_PAPER_REST: expected an address on this machine');
    const config = load(() => undefined);
    expect(problem(() => venueUrls(config, 'paper', env)).code).toBe('CONFIG_INVALID');
    expect(problem(() => venueUrls(config, 'paper', {})).lines).toHaveLength(3);
    expect(venueUrls(config, 'paper', { ...env, KEELSON_PAPER_REST: 'http://127.0.0.1:9' }).rest).toBe('http://127.0.0.1:9');
  });
});

describe('a venue', () => {
  const kraken = (more: object) => (file: Shape) =>
    Object.assign((file['venues'] as Shape)['paper'] as object, { profile: 'kraken', ...more });
  const urls = { rest: 'http://127.0.0.1:1', stream: 'ws://127.0.0.1:1/v2', wsApi: 'ws://127.0.0.1:1/v2' };

  test('that the paper venue cannot stand for needs addresses of its own', () => {
    const { lines } = problem(() => load(kraken({})));
    expect(lines.join()).toContain('venues.paper.urls: is missing: the paper venue of `npm start` speaks binance, not kraken');
  });

  test('is asked for the bars only that it has', () => {
    const { lines } = problem(() => load(kraken({ urls })));
    expect(lines).toEqual([
      '  strategies[0].interval: expected one of the bars of kraken ("1m", "5m", "15m", "30m", "1h", "4h", "1d"), found "1s"',
    ]);
    const minutes = (file: Shape): void => {
      kraken({ urls })(file);
      ((file['strategies'] as Shape)[0] as unknown as Record<string, unknown>)['interval'] = '1m';
    };
    expect(load(minutes).venues['paper']?.profile).toBe('kraken');
  });

  test.each([
    [299, true],
    [1_299, true],
    [1_300, false],
  ])(
    'whose bars are asked for after their close takes no signal that is valid for %i ms only, where that is too short',
    (valid, isRefused) => {
      const asked = (file: Shape): void => {
        kraken({ urls })(file);
        Object.assign((file['strategies'] as Shape)[0] as unknown as object, { interval: '1m', signalValidMs: valid });
      };
      const expected = 'expected at least 1300: kraken streams no bars, and they are asked for after their close';
      if (isRefused) expect(problem(() => load(asked)).lines).toEqual([`  strategies[0].signalValidMs: ${expected}; found ${valid}`]);
      else expect(load(asked).strategies[0]?.signalValidMs).toBe(valid);
    },
  );
});

describe('the environment', () => {
  test('knows names and their short forms', () => {
    expect(environmentName({})).toBe('development');
    expect(environmentName({ ENVIRONMENT: 'prod' })).toBe('production');
    expect(problem(() => environmentName({ ENVIRONMENT: 'live' })).code).toBe('CONFIG_INVALID');
  });

  test('gives an account its own key and secret, and never mixes them with the common ones', () => {
    const common = { EXCHANGE_API_KEY: 'k', EXCHANGE_API_SECRET: 's' };
    expect(secrets(common, 'main')).toEqual({ apiKey: 'k', apiSecret: 's' });
    const own = { ...common, EXCHANGE_API_KEY_DESK_2: 'k2', EXCHANGE_API_SECRET_DESK_2: 's2' };
    expect(secrets(own, 'desk-2')).toEqual({ apiKey: 'k2', apiSecret: 's2' });
    const half = problem(() => secrets({ ...common, EXCHANGE_API_KEY_DESK_2: 'k2' }, 'desk-2'));
    expect(half.lines).toEqual([
      '  EXCHANGE_API_SECRET_DESK_2: is missing: expected the venue’s secret of account desk-2 (or EXCHANGE_API_SECRET_DESK_2_FILE)',
    ]);
  });

  test('reads a secret from a file that only its owner can read', () => {
    const path = join(folder, 'secret');
    writeFileSync(path, 'from-file\n', { mode: 0o600 });
    const env = { EXCHANGE_API_KEY: 'k', EXCHANGE_API_SECRET_FILE: path };
    expect(secrets(env, 'main').apiSecret).toBe('from-file');
    chmodSync(path, 0o640);
    const found = problem(() => secrets(env, 'main'));
    expect(found).toEqual({ code: 'CONFIG_SECRET_READABLE', lines: [`${path} can be read by others (mode 640). Run: chmod 600 ${path}`] });
    expect(problem(() => secrets({ ...env, EXCHANGE_API_SECRET: 'twice' }, 'main')).lines[0]).toContain('is set twice');
  });
});
