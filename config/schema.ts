import { z } from 'zod';
import { DIFFERENCE_CLASSES } from '../core/reconcile/difference.js';
import { OUTAGE } from '../core/outage/rules.js';
import { limitDefinition, type WatchLimitKey } from '../core/risk/limit-table.js';
import { RUNBOOK_SPECS } from '../core/runbook/registry.js';
import { RUNBOOKS, type RunbookName } from '../core/runbook/spec.js';
import { STRATEGIES } from '../core/strategy/registry.js';
import { VENUE_WIRES } from '../core/venue/wires.js';
import { WATCH } from '../core/watch/rules.js';
import { alerts } from './alerts-schema.js';
import { execution, sizing } from './entry-schema.js';
import { limits } from './limits-schema.js';
import {
  asset,
  flag,
  instrument,
  integer,
  interval,
  name,
  nonNegativeDecimal,
  oneOf,
  positiveDecimal,
  ratio,
  text,
  timeOfDay,
  timeZone,
  url,
} from './values.js';

/** What the account watch acts at are limits: the file says them first (ADR 10). */
const firstSaid = (meaning: string) => `${meaning} The first value of a limit (\`keelson limits\`); later the file only tightens it.`;
const lossRatio = (key: Exclude<WatchLimitKey, 'killPolicy'>) => {
  const { least, usual, meaning } = limitDefinition(key);
  return ratio('a share above 0 and at most 1', least).default(Number(usual)).describe(firstSaid(meaning));
};
const filePath = () => text('a path relative to the folder of this file', /^[^\0]{1,400}$/);

const venue = z.strictObject({
  profile: oneOf(Object.keys(VENUE_WIRES) as [keyof typeof VENUE_WIRES, ...(keyof typeof VENUE_WIRES)[]]).describe(
    'Whose wire the venue speaks: filters, limits and admission rules follow from it.',
  ),
  paper: flag().describe('True where no real money moves. False is live trading and needs ENVIRONMENT=production and allowLiveTrading.'),
  urls: z
    .strictObject({
      rest: url(['http://', 'https://']).describe('Base address of the REST calls, without /api.'),
      stream: url(['ws://', 'wss://']).describe('Address of the market streams.'),
      wsApi: url(['ws://', 'wss://']).describe('Address of the WebSocket API (user data).'),
    })
    .optional()
    .describe(
      'Where the venue answers. A paper venue’s come from KEELSON_PAPER_REST, _STREAM and _WSAPI when left out; a live venue’s must be given: none is built in.',
    ),
});

const watch = z
  .strictObject({
    dailyLossWarnRatio: lossRatio('dailyLossWarnRatio'),
    dailyLossLimitRatio: lossRatio('dailyLossLimitRatio'),
    drawdownWarnRatio: lossRatio('drawdownWarnRatio'),
    drawdownLimitRatio: lossRatio('drawdownLimitRatio'),
    venueUnreachableMs: integer(5_000, WATCH.venueUnreachableMs)
      .default(WATCH.venueUnreachableMs)
      .describe('For how long the venue may not answer, ms: then it is lost, and entries stop.'),
    noMarketDataMs: integer(5_000, WATCH.noMarketDataMs)
      .default(WATCH.noMarketDataMs)
      .describe(
        'For how long no price may come, ms: then the venue is lost, and entries stop. Where prices come with the bars, at least two intervals.',
      ),
    killPolicy: oneOf(['none', 'atOnce'])
      .default('none')
      .describe(firstSaid(limitDefinition('killPolicy').meaning)),
    unmarkedPrices: z
      .record(asset(), nonNegativeDecimal)
      .default({})
      .describe('Prices, in the quote asset, of assets that no traded instrument prices. What is not named here counts as nothing.'),
  })
  .prefault({})
  .describe('When the account watch warns and acts.');

const checks = z
  .strictObject({
    timeZone: timeZone().prefault('Europe/Madrid').describe('The zone of the times below; its summer time is kept.'),
    morning: timeOfDay().default('08:00').describe('When the checks before the trading day begin.'),
    evening: timeOfDay().default('18:30').describe('When the checks after the trading day begin.'),
  })
  .prefault({})
  .describe('When the account is checked each day.');
const outage = z
  .strictObject({
    reconnectForMs: integer(10_000, 12 * 3_600_000)
      .default(OUTAGE.reconnectForMs)
      .describe(
        'For how long a lost venue is asked by itself whether it is back, ms; then people are paged, and one of them has it tried again.',
      ),
    repeatedWithinMs: integer(0, 24 * 3_600_000)
      .default(OUTAGE.repeatedWithinMs)
      .describe('An account whose venue is lost again so soon after it went on, ms, goes on only by a person.'),
  })
  .prefault({})
  .describe('What is done when the venue is lost.');
const reconciliation = z
  .strictObject({
    liftAfter: z
      .array(oneOf(DIFFERENCE_CLASSES))
      .default([])
      .describe('Classes of differences after which the account goes on by itself, as soon as a new reconciliation is clean.'),
  })
  .prefault({})
  .describe('What follows when account and venue differ.');

const startUp = z
  .strictObject({
    observeBars: integer(0, 100)
      .default(3)
      .describe('How many bars of each instrument have to arrive in time, one after the other, before the account trades.'),
    observeAtMostMs: integer(1_000, 3_600_000)
      .default(300_000)
      .describe('How long they are waited for, in ms, beyond what they last; of bars so long that fewer fit into this time, fewer.'),
    afterwards: oneOf(['asBefore', 'observation'])
      .default('asBefore')
      .describe('The mode after the checks: what it was before, or observation until a person resumes.'),
  })
  .prefault({})
  .describe('What is checked at each start of the system before the account trades.');
const shutdown = z
  .strictObject({
    workingEntries: oneOf(['wait', 'cancel'])
      .default('wait')
      .describe('What a graceful shutdown does with entries that are working: waits for them, or cancels them at once.'),
    waitAtMostMs: integer(0, 300_000)
      .default(300_000)
      .describe('How long they are waited for, in ms, five minutes at most; then they are canceled.'),
  })
  .prefault({})
  .describe('How the account is shut down.');

const account = z.strictObject({
  venue: name().describe('The venue, a key of `venues`.'),
  inventory: z
    .record(asset(), nonNegativeDecimal)
    .optional()
    .describe('What was there before us, by asset; it is never sold. Left out: the balance at onboarding.'),
  allowLiveTrading: flag().default(false).describe('The account’s own consent to real money, beside ENVIRONMENT=production.'),
  acceptUnproven: flag()
    .default(false)
    .describe('The account’s consent to real money at a venue against which this build has not been proven.'),
  watch,
  checks,
  outage,
  reconciliation,
  startUp,
  shutdown,
});

const strategy = z.strictObject({
  id: oneOf([...STRATEGIES.keys()] as [string, ...string[]]).describe(
    'A strategy of `core/strategy/registry.ts`; part of every signal’s key.',
  ),
  account: name().describe('The account it trades, a key of `accounts`.'),
  instruments: z
    .array(instrument(), { error: () => 'expected a list of instruments' })
    .min(1, { error: () => 'expected at least one instrument' })
    .describe('What it trades.'),
  interval: interval().describe('The bars it decides on.'),
  signalValidMs: integer(100, 600_000)
    .default(2_000)
    .describe(
      'How long a signal may still be sent after its bar closed, in ms. At least 1300 where bars are not streamed (kraken): they are asked for after their close.',
    ),
  model: z
    .strictObject({
      path: filePath().describe('The ONNX file.'),
      sha256: text('64 hexadecimal digits', /^[0-9a-f]{64}$/).describe('SHA-256 of the approved file; another file is refused.'),
      threshold: ratio('a probability from 0 to 1')
        .optional()
        .describe('Entries need a score of at least this. Left out: the one in the model’s metadata.'),
    })
    .describe('The model that gates entries.'),
  sizing,
  execution,
});

const demo = z.strictObject({
  interval: interval().default('1s').describe('One recorded bar is played as one bar of this length.'),
  startOffset: integer(0, 10_000_000).default(0).describe('The bar to begin with, counted from the first one that is played.'),
  seed: integer(0, 4_294_967_295).default(7).describe('Seed of the path inside bars, of the book and of simulated series.'),
  balances: z.record(asset(), positiveDecimal).describe('What the paper account starts with, by asset.'),
  data: z
    .array(
      z.strictObject({
        instrument: instrument().describe('What the bars are shown as.'),
        path: filePath().describe('CSV or JSON file of recorded bars.'),
        from: text('a date such as 2012-01-01', /^\d{4}-\d{2}-\d{2}$/)
          .optional()
          .describe('First day that is played; earlier bars are only history. It should lie behind the model’s training window.'),
      }),
    )
    .default([])
    .describe('Recorded series.'),
  simulate: z
    .array(
      z.strictObject({
        instrument: instrument().describe('What the series is shown as.'),
        startPrice: positiveDecimal.describe('Price of the first bar.'),
        barVolatilityRatio: ratio().default(0.006).describe('Standard deviation of a bar’s return (0.006 = 0.6 %).'),
      }),
    )
    .prefault([])
    .describe('Series from the seeded generator; labelled simulated wherever they are shown.'),
});

const calendar = z
  .strictObject({
    source: text(
      'a path relative to the folder of this file, or an address that starts with http:// or https://',
      /^[^\0]{1,2000}$/,
    ).describe('A file or an address of events, JSON or CSV.'),
    refreshMinutes: integer(1, 1_440).default(60).describe('How often it is read.'),
    maxAgeMinutes: integer(5, 10_080).default(1_440).describe('When it was read longer ago, entries are denied.'),
    blockMinutesBefore: integer(0, 1_440).default(30).describe('So long before a marked event nothing is entered.'),
    blockMinutesAfter: integer(0, 1_440).default(30).describe('So long after it.'),
  })
  .optional()
  .describe('The economic calendar: around its marked events nothing is entered. Left out: none is, and nothing is blocked for one.');

/** Those that a person may ask for. */
const ASKED = RUNBOOKS.filter((runbook) => RUNBOOK_SPECS[runbook].needsCause !== true);
const runbooks = z
  .strictObject({
    approval: z
      .array(oneOf(ASKED as [RunbookName, ...RunbookName[]]), { error: () => 'expected a list of runbooks' })
      .prefault([])
      .describe(
        'Runbooks whose plan another person approves before it is run, where a person asks for it. What Keelson begins by itself waits for nobody.',
      ),
  })
  .prefault({})
  .describe('Runbooks that people ask for.');

const port = (usual: number, meaning: string) => integer(0, 65_535).default(usual).describe(`${meaning} 0: any free port.`);

const ports = z.strictObject({
  api: port(7400, 'HTTP API.'),
  temporal: port(7233, 'Temporal server.'),
  temporalUi: port(8233, 'Temporal UI.'),
  venue: port(7410, 'Paper venue.'),
  venueAdmin: port(7411, 'Paper venue’s admin port (faults).'),
  metrics: port(7420, 'First of the workers’ metrics ports; each further worker takes the next.'),
});

/** The file `keelson.config.json`: what is the same wherever this instance runs. Secrets and addresses come from the environment. */
export const configSchema = z.strictObject({
  $schema: z.string().optional().describe('Address of this schema, for editors.'),
  venues: z.record(name(), venue).describe('The venues, by the name used in `accounts`.'),
  accounts: z.record(name(), account).describe('The accounts, by the name used everywhere else.'),
  strategies: z.array(strategy, { error: () => 'expected a list of strategies' }).describe('What trades.'),
  limits: z.record(name(), limits).describe('Limits of each account; every account needs an entry.'),
  alerts,
  calendar,
  runbooks,
  demo: demo.describe('The demonstration that `npm start` plays on the paper venue.'),
  ports: ports.prefault({}).describe('Preferred ports on the loopback interface; a taken one is replaced by the next free one.'),
});

export type Config = z.output<typeof configSchema>;
