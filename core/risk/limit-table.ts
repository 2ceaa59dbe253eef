/**
 * Every limit that people may set: the tables that rows, configuration, commands and `docs/reference/risk-checks.md`
 * are held to.
 */
export interface LimitDefinition {
  /** `amount`: a decimal in the quote asset. `count`: a whole number. `hours`: see `hoursOf`. `ratio`: a share, as a decimal. `policy`: of `FlattenPolicy`. */
  readonly kind: 'amount' | 'count' | 'hours' | 'ratio' | 'policy';
  /** Which of two values is the stricter one; of hours it is the smaller set, of policies the one that sells. */
  readonly stricter: 'lower' | 'higher';
  /** What holds where the account has no row of its own: `required` is nothing at all, and no entry passes; `none` is no limit. */
  readonly usual: string;
  readonly least: number;
  readonly most: number;
  readonly meaning: string;
}

const amount = (usual: 'required' | 'none', meaning: string): LimitDefinition => ({
  kind: 'amount',
  stricter: 'lower',
  usual,
  least: 0,
  most: Number.MAX_SAFE_INTEGER,
  meaning,
});
const count = (usual: string, [least, most]: readonly [number, number], meaning: string): LimitDefinition => ({
  kind: 'count',
  stricter: 'lower',
  usual,
  least,
  most,
  meaning,
});

const lossRatio = (usual: string, meaning: string): LimitDefinition => ({
  kind: 'ratio',
  stricter: 'lower',
  usual,
  least: 0.0001,
  most: 1,
  meaning,
});

/** What the gate holds every entry to. */
export const LIMIT_TABLE = {
  maxOrderNotional: amount('required', 'Most that one entry may be worth, in the quote asset.'),
  maxInstrumentExposure: amount('required', 'Most that may be held and worked in one instrument.'),
  maxStrategyExposure: amount('none', 'Most that one strategy may hold and work.'),
  maxVenueExposure: amount('none', 'Most that may be held and worked at the venue, over all its accounts.'),
  maxAccountExposure: amount('required', 'Most that may be held and worked over all instruments.'),
  maxInstrumentNetExposure: amount('none', 'The same for one instrument with what is short taken off what is long.'),
  maxStrategyNetExposure: amount('none', 'The same for one strategy with what is short taken off what is long.'),
  maxVenueNetExposure: amount('none', 'The same for the venue with what is short taken off what is long.'),
  maxAccountNetExposure: amount('none', 'The same for the account with what is short taken off what is long.'),
  maxOpenOrders: count('required', [1, 1_000], 'Most orders that may be working at once.'),
  maxStrategyOrdersPerSecond: count('10', [1, 1_000], 'Most orders of one strategy in any second.'),
  maxStrategyOrdersPerMinute: count('120', [1, 1_000], 'Most orders of one strategy in any minute.'),
  maxAccountOrdersPerSecond: count('20', [1, 1_000], 'Most orders of the account in any second.'),
  maxAccountOrdersPerMinute: count('300', [1, 1_000], 'Most orders of the account in any minute.'),
  maxRepeats: count(
    '20',
    [1, 1_000],
    'How often a strategy may enter an instrument without an exit of its own between; then it is disabled.',
  ),
  duplicateWindowMs: {
    ...count(
      '500',
      [0, 60_000],
      'For how long after an entry another one of the same strategy and instrument is taken for its double, in ms.',
    ),
    stricter: 'higher',
  },
  collarBps: count('50', [1, 1_000], 'How far from the reference price an order may be priced, in basis points.'),
  takerFeeBps: { ...count('10', [0, 1_000], 'Fee that authorisation sets aside, in basis points.'), stricter: 'higher' },
  priceMaxAgeMs: count('2000', [100, 86_400_000], 'How old the last price may be for an entry, in ms.'),
  clockSkewMs: count('500', [1, 5_000], 'Most that the venue’s clock may differ from ours, in ms.'),
  tradingHours: {
    kind: 'hours',
    stricter: 'lower',
    usual: 'none',
    least: 0,
    most: 0,
    meaning: 'When entries may be made, UTC: `mon-fri 13:30-20:00, sat 10:00-12:00`.',
  },
} as const satisfies Readonly<Record<string, LimitDefinition>>;

/** What the account watch holds an account to. It looks at accounts as a whole: such a limit is of an account or of a venue. */
export const WATCH_LIMIT_TABLE = {
  dailyLossWarnRatio: lossRatio('0.02', 'A loss of the UTC day from which people are warned; 0.02 is 2 %.'),
  dailyLossLimitRatio: lossRatio('0.03', 'A loss of the UTC day from which the account may only reduce.'),
  drawdownWarnRatio: lossRatio('0.1', 'A fall from the highest equity from which people are warned.'),
  drawdownLimitRatio: lossRatio('0.15', 'A fall from the highest equity at which the account is halted.'),
  killPolicy: {
    kind: 'policy',
    stricter: 'higher',
    usual: 'none',
    least: 0,
    most: 0,
    meaning: 'What becomes of what is held when the watch halts the account: `none`, it stays with its stops; `atOnce`, it is sold.',
  },
} as const satisfies Readonly<Record<string, LimitDefinition>>;

export type LimitKey = keyof typeof LIMIT_TABLE;
export const LIMIT_KEYS = Object.keys(LIMIT_TABLE) as readonly LimitKey[];
export type WatchLimitKey = keyof typeof WATCH_LIMIT_TABLE;
export const WATCH_LIMIT_KEYS = Object.keys(WATCH_LIMIT_TABLE) as readonly WatchLimitKey[];
/** Of every limit there may be rows. */
export type RowKey = LimitKey | WatchLimitKey;
export const ROW_KEYS: readonly RowKey[] = [...LIMIT_KEYS, ...WATCH_LIMIT_KEYS];

export function limitDefinition(key: RowKey): LimitDefinition {
  return isWatchLimit(key) ? WATCH_LIMIT_TABLE[key] : LIMIT_TABLE[key];
}

export function isWatchLimit(key: RowKey): key is WatchLimitKey {
  return key in WATCH_LIMIT_TABLE;
}
