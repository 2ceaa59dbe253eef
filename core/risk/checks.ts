import type { ErrorCode } from '../errors.js';
import { TRADING_SHARE_PERCENT } from '../venue/weight.js';
import { limitDefinition, type LimitKey } from './limit-table.js';
import { PROTOCOL } from './limits.js';

/** One thing for which the gate refuses, with what bounds it. `docs/reference/risk-checks.md` is made of this. */
export interface RiskCheck {
  readonly code: ErrorCode;
  /** What is refused. */
  readonly when: string;
  /** The limit that people set, or where else the bound comes from. */
  readonly bound: LimitKey | 'protocol' | 'venue' | 'account' | 'signal' | 'person' | 'calendar';
  /** The bound where nobody has set one. */
  readonly usual: string;
  /** `all`: exits, stops and escapes too. */
  readonly binds: 'entries' | 'all' | 'exits';
}

const byLimit = (code: ErrorCode, key: LimitKey, when: string): RiskCheck => ({
  code,
  when,
  bound: key,
  usual: limitDefinition(key).usual,
  binds: 'entries',
});
const check = (
  code: ErrorCode,
  bound: RiskCheck['bound'],
  when: string,
  more: Partial<Pick<RiskCheck, 'usual' | 'binds'>> = {},
): RiskCheck => ({
  code,
  when,
  bound,
  usual: '–',
  binds: 'entries',
  ...more,
});

const BINDS_ALL = { binds: 'all' } as const;

/** Every check of the gate, in the order of the page. */
export const RISK_CHECKS: readonly RiskCheck[] = [
  check('RISK_MODE', 'account', 'The mode does not allow it: entries in `normal` only, exits of strategies not in `paused`.', BINDS_ALL),
  check('RISK_KILLED', 'account', 'A halt latch stands in its scope.', BINDS_ALL),
  check('RISK_SIGNAL_EXPIRED', 'signal', 'The signal is valid no more.', BINDS_ALL),
  check('RISK_STRATEGY_INACTIVE', 'account', 'The strategy’s version is not the active one.', BINDS_ALL),
  check('RISK_NO_POSITION', 'account', 'There is nothing to sell that is there and that no other order sells.', { binds: 'exits' }),
  check('RISK_POSITION_EXISTS', 'account', 'The strategy holds the instrument, or works on it.'),
  check('RISK_POSITION_LEAVING', 'account', 'An earlier order of the same signal has bought, and that is being sold, or was.'),
  check('RISK_SIZING_INPUT', 'signal', 'The signal lacks what its size is made of.'),
  check('RISK_FEATURES_INCOMPLETE', 'signal', 'A feature is no number, or the model gave no score.'),
  check('RISK_LIMITS_MISSING', 'account', 'A limit without a default is not set.'),
  check('RISK_STRATEGY_DISABLED', 'person', 'The strategy was disabled, by a person or for repeating itself.'),
  check('RISK_INSTRUMENT_BLOCKED', 'person', 'The instrument is blocked, by a person, an incident, or an order that is unknown.'),
  check('RISK_INSTRUMENT_UNKNOWN', 'venue', 'The venue does not list the instrument.', BINDS_ALL),
  check(
    'RISK_INSTRUMENT_HALTED',
    'venue',
    'The instrument does not trade; what is held is sold where the venue takes sales all the same.',
    BINDS_ALL,
  ),
  check('ORDER_QUANTITY_PRECISION', 'venue', 'The quantity is not on the step.', BINDS_ALL),
  check('ORDER_PRICE_PRECISION', 'venue', 'A price is not on the tick.', BINDS_ALL),
  check('ORDER_BELOW_MIN_QUANTITY', 'venue', 'The quantity is under the minimum.', BINDS_ALL),
  check('ORDER_ABOVE_MAX_QUANTITY', 'venue', 'The quantity is over the maximum.', BINDS_ALL),
  check('ORDER_ABOVE_MAX_MARKET_QUANTITY', 'venue', 'The quantity is over the maximum of a market stop.', BINDS_ALL),
  check('ORDER_BELOW_MIN_NOTIONAL', 'venue', 'The order is worth less than the minimum.', BINDS_ALL),
  byLimit('RISK_NOTIONAL_LIMIT', 'maxOrderNotional', 'The order is worth more.'),
  byLimit('RISK_PRICE_COLLAR', 'collarBps', 'The price is further above the reference.'),
  check(
    'RISK_TICK_TOO_COARSE',
    'protocol',
    'The tick is more of the price than the widest collar of exits: what is bought could not leave.',
    {
      usual: `${PROTOCOL.exitCollarMaxBps / 100} %`,
    },
  ),
  check(
    'RISK_STOP_BELOW_MINIMUM',
    'venue',
    'What is left of it after fees is less than the venue takes in a stop, at the price of its stop.',
  ),
  check(
    'RISK_STOPS_FULL',
    'venue',
    'With the stop of what it buys, more stops or more orders of the account would rest in the instrument than the venue takes (Binance: `MAX_NUM_ALGO_ORDERS`, `MAX_NUM_ORDERS`); positions and entries count that have no stop yet. Where it tells that.',
  ),
  byLimit(
    'RISK_EXPOSURE_LIMIT',
    'maxInstrumentExposure',
    'What is held in the instrument, at cost, and what entries work on would be more.',
  ),
  byLimit('RISK_EXPOSURE_LIMIT', 'maxStrategyExposure', 'The same of the strategy.'),
  byLimit('RISK_EXPOSURE_LIMIT', 'maxVenueExposure', 'The same of all accounts at the venue.'),
  byLimit('RISK_EXPOSURE_LIMIT', 'maxAccountExposure', 'The same of the account.'),
  byLimit('RISK_NET_EXPOSURE_LIMIT', 'maxInstrumentNetExposure', 'Long less short in the instrument, at cost, would be more.'),
  byLimit('RISK_NET_EXPOSURE_LIMIT', 'maxStrategyNetExposure', 'The same of the strategy.'),
  byLimit('RISK_NET_EXPOSURE_LIMIT', 'maxVenueNetExposure', 'The same of all accounts at the venue.'),
  byLimit('RISK_NET_EXPOSURE_LIMIT', 'maxAccountNetExposure', 'The same of the account.'),
  check(
    'RISK_MIXED_QUOTES',
    'account',
    'The account, or with a limit over its venue another one there, holds or buys in another quote asset: that adds up to nothing.',
  ),
  check('RISK_LEVERAGE', 'protocol', 'What is held and worked would be more than so many times what the account has of its own.', {
    usual: String(PROTOCOL.spotLeverage),
  }),
  check(
    'RISK_FREE_BALANCE',
    'account',
    'The order with its fee, at the edge of the collar, costs more than is free; the coins of positions are not.',
  ),
  byLimit('RISK_OPEN_ORDERS_LIMIT', 'maxOpenOrders', 'So many orders of the account work already.'),
  byLimit('RISK_RATE_LIMIT', 'maxStrategyOrdersPerSecond', 'The strategy made so many orders in the last second.'),
  byLimit('RISK_RATE_LIMIT', 'maxStrategyOrdersPerMinute', 'The same in the last minute.'),
  byLimit('RISK_RATE_LIMIT', 'maxAccountOrdersPerSecond', 'The account made so many orders in the last second.'),
  byLimit('RISK_RATE_LIMIT', 'maxAccountOrdersPerMinute', 'The same in the last minute.'),
  byLimit('RISK_REPEATED_EXECUTION', 'maxRepeats', 'The strategy entered so often without an exit of its own; it is disabled.'),
  byLimit('RISK_DUPLICATE_INTENT', 'duplicateWindowMs', 'The strategy entered the instrument less than so long ago.'),
  check('RISK_PRICE_MISSING', 'venue', 'There is no price.'),
  byLimit('RISK_PRICE_STALE', 'priceMaxAgeMs', 'The last price is older.'),
  check(
    'DATA_STALE',
    'protocol',
    'What its stream tells is later than this when it comes, by the venue’s own time, or than `priceMaxAgeMs`; in ms.',
    {
      usual: String(PROTOCOL.dataLateMs),
    },
  ),
  check('DATA_CROSSED_BOOK', 'venue', 'The book, as it was seen within ten seconds, has its best bid at or over its best ask.'),
  check('RISK_STREAM_DOWN', 'venue', 'The instrument’s stream is interrupted.'),
  check('RISK_CLOCK_UNKNOWN', 'venue', 'The venue’s clock was not read within the last minute.'),
  byLimit('RISK_CLOCK_SKEW', 'clockSkewMs', 'The venue’s clock differs by more.'),
  check('RISK_VENUE_WEIGHT', 'protocol', 'The venue has counted more of what it allows our address, in per cent. Where it tells that.', {
    usual: String(TRADING_SHARE_PERCENT),
  }),
  check('RISK_VENUE_CLOSED', 'venue', 'The venue has sent our address away (429, 418), and is not to be asked yet. Stops and exits wait.'),
  check('RISK_VENUE_WEIGHT_UNKNOWN', 'venue', 'The venue would tell what our address has used, and has not yet.'),
  check('RISK_WATCH_SILENT', 'protocol', 'The account watch wrote its last sample longer ago, in ms.', {
    usual: String(PROTOCOL.watchSilentMs),
  }),
  check('RISK_EQUITY_UNKNOWN', 'protocol', 'The account watch knew the equity last longer ago, in ms.', {
    usual: String(PROTOCOL.watchSilentMs),
  }),
  check('RISK_NOT_COMPARED', 'protocol', 'The last comparison with the venue that came to an end began longer ago, in ms.', {
    usual: String(PROTOCOL.notComparedMs),
  }),
  check(
    'RISK_LEDGER_LOST',
    'protocol',
    'The worker’s database did not answer for longer, in ms, and ledger and venue were not found to agree since.',
    {
      usual: String(PROTOCOL.ledgerLostMs),
    },
  ),
  check('RISK_CALENDAR_EVENT', 'calendar', 'A marked event of the economic calendar is near. Where one is configured.'),
  check('RISK_CALENDAR_STALE', 'calendar', 'The economic calendar was read longer ago than it may be. Where one is configured.'),
  byLimit('RISK_TRADING_HOURS', 'tradingHours', 'It is outside of the hours, or of one of them where several rows set some.'),
];

/** Refusals of other steps than the gate: the statements that write, and what comes before it. */
export const NOT_OF_THE_GATE: readonly ErrorCode[] = [
  'RISK_MODEL_THRESHOLD',
  'RISK_STRATEGY_ANSWER',
  'RISK_CONTENTION',
  'RISK_AUTHORISATION_EXPIRED',
  'RISK_CONTROL_CHANGED',
  'RISK_EPOCH',
  'RISK_TEMPORAL_UNREACHABLE',
  'ORDER_ENTRY_WITHDRAWN',
  'ORDER_DECIDED_BY_PERSON',
  'ORDER_PRICE_MOVED',
  'ORDER_CANCELED_ELSEWHERE',
  'HALT_NOT_CLEAN',
  'RISK_NOT_RECONCILED',
  'RISK_PLAN_CHANGED',
  'RISK_VENUE_SHARE',
  'RISK_DAILY_LOSS',
  'RISK_KEY_WITHDRAWS',
  'RISK_MODE_NOT_OURS',
];
