/**
 * The registry of every failure that a person or a program can be shown. `docs/reference/errors.md` and the HTTP
 * problem types are held to exactly this list by a test.
 */
export type ErrorKind =
  | 'refusal'
  | 'input'
  | 'access'
  | 'venueTransient'
  | 'venueFinal'
  | 'outcomeUnknown'
  | 'dataQuality'
  | 'model'
  | 'configuration'
  | 'infrastructure';

/** `never`: trying again gives the same answer; `backoff`: try again later; `lookUp`: ask what happened, never resend. */
export type RetryClass = 'never' | 'backoff' | 'lookUp';

export interface ErrorDefinition {
  readonly kind: ErrorKind;
  /** What happened, to what, and what to do; `{name}` is filled in from the values, `{count:one/many}` is the word for so many. */
  readonly message: string;
  readonly httpStatus: number;
  readonly retry: RetryClass;
}

const define = <T extends Record<string, ErrorDefinition>>(registry: T): T => registry;

const refusal = (message: string): ErrorDefinition => ({ kind: 'refusal', message, httpStatus: 422, retry: 'never' });
const input = (message: string): ErrorDefinition => ({ kind: 'input', message, httpStatus: 400, retry: 'never' });
const configuration = (message: string): ErrorDefinition => ({
  kind: 'configuration',
  message,
  httpStatus: 500,
  retry: 'never',
});
const infrastructure = (message: string): ErrorDefinition => ({
  kind: 'infrastructure',
  message,
  httpStatus: 503,
  retry: 'backoff',
});
const data = (message: string): ErrorDefinition => ({ kind: 'dataQuality', message, httpStatus: 503, retry: 'never' });
const model = (message: string): ErrorDefinition => ({ kind: 'model', message, httpStatus: 500, retry: 'never' });
const access = (httpStatus: number, message: string): ErrorDefinition => ({
  kind: 'access',
  message,
  httpStatus,
  retry: httpStatus === 429 ? 'backoff' : 'never',
});

export const ERRORS = define({
  RISK_MODE: refusal('Account {account} is in mode {mode}: a signal to {leg} is not sent. Resume trading when the cause is gone.'),
  RISK_KILLED: refusal('A halt latch ({scope}) stands over {account}: nothing is sent. Two people re-arm it, with a reason.'),
  RISK_PLAN_CHANGED: refusal(
    'The configuration that {runbook} of {account} goes by is not the one that it was planned with: the run has ended, and what it holds stays held. Ask for it again (keelson runbooks run {runbook}), or restart with the configuration of before and ask then.',
  ),
  RISK_NOT_RECONCILED: refusal(
    '{account} was paused by a reconciliation or the account watch, and no reconciliation has found it clean since: {found}. Decide what is open (keelson reconcile list), then have it compared anew (keelson reconcile).',
  ),
  RISK_DAILY_LOSS: refusal(
    '{account} has lost {found} today, more than it may: it only reduces until the UTC day is over or the loss is less than its limit again (dailyLossLimitRatio: keelson limits list).',
  ),
  RISK_SIGNAL_EXPIRED: refusal('The signal of {signal} was valid until {validUntil}; it is {now}. No order is sent late.'),
  RISK_STRATEGY_INACTIVE: refusal(
    'Version {version} of strategy {strategy} is not the active one on {account} {instrument} (active: {active}).',
  ),
  RISK_MODEL_THRESHOLD: refusal('The model scored {score}, under the threshold {threshold}: the entry is not taken.'),
  RISK_STRATEGY_ANSWER: refusal('Strategy {strategy} answered what nothing can be entered on: {what}. Correct the strategy.'),
  RISK_NO_POSITION: refusal('There is nothing of {strategy} in {instrument} to close.'),
  RISK_POSITION_EXISTS: refusal('{strategy} already holds {quantity} of {instrument} (or has an order working): no second entry.'),
  RISK_POSITION_LEAVING: refusal(
    'What the signal of {strategy} had bought of {instrument} is being sold, or was, by its stop or otherwise: no further order of the same signal.',
  ),
  RISK_NOTIONAL_LIMIT: refusal('The order is worth {notional}; the limit per order is {limit}.'),
  RISK_STOP_BELOW_MINIMUM: refusal(
    'After fees {quantity} of {instrument} would be left, worth {notional} at {price}, where its stop would sell: the venue takes no less than {minQuantity}, worth {minNotional}. No stop could rest; enter more, or nothing.',
  ),
  RISK_STOPS_FULL: refusal(
    '{venue} lets {account} have {limit} {what} at rest in {instrument}, and with this entry and its stop there would be {count}: what it buys could not be protected. Entries wait until others have ended; trade fewer strategies there, or spread them over accounts.',
  ),
  RISK_EXPOSURE_LIMIT: refusal('{scope} exposure would be {exposure}, what is held counted at cost; the limit is {limit}.'),
  RISK_NET_EXPOSURE_LIMIT: refusal('{scope} net exposure would be {exposure}, what is held counted at cost; the limit is {limit}.'),
  RISK_LEVERAGE: refusal(
    '{account} would hold and work {exposure} {quote} with {equity} of its own: more than {limit} times as much. A spot account borrows nothing.',
  ),
  RISK_MIXED_QUOTES: refusal(
    '{scope} holds or works on what is reckoned in {others}, and {instrument} is in {quote}: what is in different quote assets cannot be added up to a limit. Entries wait until that is sold or canceled; exits do not.',
  ),
  RISK_LIMITS_MISSING: refusal('{account} has no {limits}: entries wait until it is set. keelson limits set …'),
  RISK_RATE_LIMIT: refusal('{scope} has made its {limit} orders of this {window}: the entry is not taken.'),
  RISK_REPEATED_EXECUTION: refusal(
    '{strategy} has sent {count} entries in {instrument}, filled or not, without an exit of its own; the limit is {limit}. It is disabled until a person enables it: keelson strategies enable {strategy}',
  ),
  RISK_STRATEGY_DISABLED: refusal(
    '{strategy} is disabled on {account}: {reason}. A person enables it: keelson strategies enable {strategy}',
  ),
  RISK_DUPLICATE_INTENT: refusal('{strategy} has entered {instrument} within the last {windowMs} ms: this is taken for its double.'),
  RISK_FEATURES_INCOMPLETE: refusal('{strategy} decided on less than it needs: {what}. The entry is not taken.'),
  RISK_TRADING_HOURS: refusal('Entries are made {hours} UTC; it is {now}.'),
  RISK_STREAM_DOWN: refusal('The stream of {instrument} is interrupted ({reason}): entries wait until it flows.'),
  RISK_OPEN_ORDERS_LIMIT: refusal('{count} orders are working on {account}; the limit is {limit}.'),
  RISK_FREE_BALANCE: refusal('The order needs {needed} {asset} with fees; {free} is free on {account}.'),
  RISK_PRICE_COLLAR: refusal('The price {price} is outside the collar of {collarBps} bps around {reference}.'),
  RISK_PRICE_STALE: refusal('The last price of {instrument} is {ageMs} ms old; entries need one younger than {limitMs} ms.'),
  RISK_TICK_TOO_COARSE: refusal(
    'The tick {tickSize} of {instrument} is more than {maxPercent} % of its price {price}: what is bought could not be sold within the widest collar. Trade another instrument.',
  ),
  RISK_PRICE_MISSING: refusal('There is no price of {instrument}: entries wait for one.'),
  RISK_CLOCK_SKEW: refusal('The clock of {venue} differs from ours by {skewMs} ms; the limit is {limitMs} ms. Check NTP.'),
  RISK_CLOCK_UNKNOWN: refusal('The clock of {venue} has not been measured: entries wait until it is.'),
  RISK_VENUE_WEIGHT: refusal(
    '{venue} has counted {used} of {limit} against our address: trading takes at most {share} %, the rest is for the guardian. It begins anew with the next minute.',
  ),
  RISK_VENUE_CLOSED: refusal(
    '{venue} has sent our address away and is not to be asked for {forMs} ms: entries are denied until then, stops and exits wait for it.',
  ),
  RISK_VENUE_SHARE: refusal(
    'Of trading’s share at {venue} this worker may begin {share} entries within a minute, and has begun {used}: other workers have the rest. Each second it is divided anew.',
  ),
  RISK_VENUE_WEIGHT_UNKNOWN: refusal('{venue} has not told yet what our address has used: entries wait until it does.'),
  RISK_WATCH_SILENT: refusal('The account watch of {account} has been silent {since}: entries wait for it. See keelson watch.'),
  RISK_EQUITY_UNKNOWN: refusal('The equity of {account} has not been known {since}: entries wait until it is. See keelson watch.'),
  RISK_NOT_COMPARED: refusal(
    'No comparison of {account} with its venue has come to an end for {comparedMs} ms: entries wait for one. See keelson reconcile list, and keelson schedules list.',
  ),
  RISK_CALENDAR_EVENT: refusal('{title} is at {time}: no entry is made from {from} to {until}.'),
  RISK_CALENDAR_STALE: refusal(
    'The economic calendar is {since}, and {maxAgeMs} ms is the most: entries wait until it was read. See keelson calendar.',
  ),
  RISK_LEDGER_LOST: refusal(
    'The database {what}: entries of {account} wait until ledger and venue are found to agree after that. Exits and stops do not wait.',
  ),
  RISK_INSTRUMENT_UNKNOWN: refusal('{venue} does not list {instrument}.'),
  RISK_INSTRUMENT_HALTED: refusal('{instrument} is not trading at {venue} (status {status}).'),
  RISK_INSTRUMENT_BLOCKED: refusal('Entries in {instrument} are blocked: {reason}.'),
  RISK_SIZING_INPUT: refusal('{strategy} is sized by {kind}, which needs {input}; found: {value}. The entry is not sized.'),
  RISK_CONTENTION: refusal('The risk state of {account} changed {attempts} times while deciding: the order is denied.'),
  RISK_AUTHORISATION_EXPIRED: refusal('The authorisation of {order} was valid for 5 s and has passed: nothing was sent.'),
  RISK_CONTROL_CHANGED: refusal('Mode, limits or active version of {account} changed after {order} was authorised: nothing was sent.'),
  RISK_EPOCH: refusal('This instance was restored since the work began (epoch {epoch}, now {current}): the old work may change nothing.'),
  RISK_TEMPORAL_UNREACHABLE: refusal('The workflow of {signal} could not be started before the signal expired: not traded.'),
  ORDER_BELOW_MIN_NOTIONAL: refusal('The order is worth {notional}, under the venue’s minimum {minimum}.'),
  ORDER_BELOW_MIN_QUANTITY: refusal('The quantity {quantity} is under the venue’s minimum {minimum}.'),
  ORDER_ABOVE_MAX_QUANTITY: refusal('The quantity {quantity} is over the venue’s maximum {maximum}.'),
  ORDER_ABOVE_MAX_MARKET_QUANTITY: refusal(
    'The quantity {quantity} is over the venue’s maximum {maximum} for orders at the market. Send less, or with a limit.',
  ),
  ORDER_ENTRY_WITHDRAWN: refusal('The entry rested, and was withdrawn: {reason}.'),
  ORDER_DECIDED_BY_PERSON: refusal('{subject} decided that this order rests nowhere: {reason}.'),
  ORDER_PRICE_MOVED: refusal(
    'The price has moved to {reference} from order {order} at {price}: it is canceled for another at the new price, while its signal is valid.',
  ),
  ORDER_CANCELED_ELSEWHERE: refusal(
    'The order was canceled at its venue, and not by us: by a person there, another program with a key of the account, or the venue itself.',
  ),
  ORDER_PRICE_PRECISION: refusal('The price {price} is not a multiple of the tick {tickSize}.'),
  ORDER_QUANTITY_PRECISION: refusal('The quantity {quantity} is not a multiple of the step {stepSize}.'),

  RISK_KEY_WITHDRAWS: refusal(
    'The key of {account} at {venue} may withdraw: nothing is opened with it. Make one that may not, put it in its place, and start anew.',
  ),
  RISK_MODE_NOT_OURS: refusal('The mode of {account} is not this run’s to change: {found}. See keelson status.'),

  INPUT_INVALID: input('The request is not valid: {problems}.'),
  INPUT_UNKNOWN_ACCOUNT: { ...input('There is no account {account}. Known: {known}.'), httpStatus: 404 },
  INPUT_UNKNOWN_INSTRUMENT: {
    ...input(
      'There is no instrument {instrument} here: it is not configured and was never traded. Known: {known}. Write it as BASE/QUOTE.',
    ),
    httpStatus: 404,
  },
  INPUT_UNKNOWN_PERSON: { ...input('There is no person {person} who may act. See keelson users list.'), httpStatus: 404 },
  INPUT_PERSON_EXISTS: {
    ...input('There is a person {person} already, or was: names are not given twice. Choose another.'),
    httpStatus: 409,
  },
  INPUT_UNKNOWN_DIFFERENCE: { ...input('There is no difference {difference}. See keelson reconcile list --all.'), httpStatus: 404 },
  INPUT_DIFFERENCE_SETTLED: {
    ...input('Difference {difference} waits for nobody: it is {status}. See keelson reconcile list.'),
    httpStatus: 409,
  },
  INPUT_DECISION_IMPOSSIBLE: {
    ...input('Difference {difference} cannot be decided so ({decision}): {why}. Decide it otherwise.'),
    httpStatus: 409,
  },
  INPUT_DECISION_TOO_EARLY: {
    ...input('Difference {difference} cannot be decided so ({decision}) yet: {why}.'),
    httpStatus: 409,
  },
  INPUT_UNKNOWN_INCIDENT: { ...input('There is no incident {incident}. See keelson incidents list --all.'), httpStatus: 404 },
  INPUT_INCIDENT_UNDECIDED: {
    ...input(
      'Incident {incident} is that of difference {difference}, which waits for a decision; with it the incident is closed: keelson reconcile decide {difference} <decision> --reason <text>.',
    ),
    httpStatus: 409,
  },
  INPUT_INCIDENT_ORDER_MISSING: {
    ...input(
      'Incident {incident} is that of order {order}, which its venue still does not show. It can be closed when the venue shows it again, or once somebody has decided that it rests nowhere: keelson decide {order} --reason <text>.',
    ),
    httpStatus: 409,
  },
  INPUT_UNKNOWN_ALERT: { ...input('There is no alert {alert}. See keelson alerts list --all.'), httpStatus: 404 },
  INPUT_UNKNOWN_HALT: { ...input('There is no standing halt {halt}. See keelson halts.'), httpStatus: 404 },
  INPUT_DRILL_NOT_ON_PAPER: input(
    'A drill halts, and sells, for real: it is for paper venues. The ledger has {accounts} under it, of which this configuration does not say that it trades at a paper venue. Nothing is halted: name an account that does (--account).',
  ),
  INPUT_DRILL_OF_NOTHING: {
    ...input('A drill of nothing shows nothing, and would take two people to end: {nobody} Nothing is halted: name what is known.'),
    httpStatus: 404,
  },
  INPUT_NOT_BLOCKED: { ...input('Entries of {instrument} are not blocked in account {account}. See keelson status.'), httpStatus: 409 },
  INPUT_UNKNOWN_PLACE: {
    ...input('There is no {scope} {value} where an account trades: a limit there would bind nobody.'),
    httpStatus: 404,
  },
  INPUT_UNKNOWN_OVERRIDE: { ...input('There is no override {override}. See keelson limits list.'), httpStatus: 404 },
  INPUT_UNKNOWN_STRATEGY: { ...input('There is no strategy {strategy} on {account}. Known: {known}.'), httpStatus: 404 },
  INPUT_NOT_DISABLED: { ...input('{strategy} is not disabled on {account}. See keelson status.'), httpStatus: 409 },
  INPUT_ORDER_UNRESOLVED: {
    ...input(
      'What became of an order in {instrument} is not known yet in account {account}: it is looked up until it is, and stays blocked until then. See keelson orders --open.',
    ),
    httpStatus: 409,
  },
  INPUT_UNKNOWN_ORDER: { ...input('There is no order {order}. See keelson orders.'), httpStatus: 404 },
  INPUT_ORDER_SETTLED: {
    ...input(
      'There is nothing to decide about order {order}: only one that is unknown, or that the venue does not show any more, is a person’s to end. See keelson orders and keelson incidents list.',
    ),
    httpStatus: 409,
  },
  INPUT_ORDER_STILL_ASKED: {
    ...input(
      'Order {order} was asked for within the last minute. Wait until it has been unknown, or missing, for one, and look at the venue’s own screen.',
    ),
    httpStatus: 409,
  },
  INPUT_UNKNOWN_KEY: { ...input('There is no key with the id {key}. See keelson users list.'), httpStatus: 404 },
  INPUT_UNKNOWN_RUNBOOK: { ...input('There is no runbook {runbook}. See keelson runbooks list.'), httpStatus: 404 },
  INPUT_RUNBOOK_NEEDS_CAUSE: {
    ...input('The runbook {runbook} is started by Keelson itself, where it finds the cause. See keelson runbooks list.'),
    httpStatus: 409,
  },
  INPUT_RUNBOOK_PLAN: {
    ...input('What {runbook} would do for {account} cannot be told now: {why}. See keelson status, and ask again.'),
    httpStatus: 409,
  },
  INPUT_UNKNOWN_SCHEDULE: { ...input('There is no schedule {schedule}. Known: {known}. See keelson schedules list.'), httpStatus: 404 },
  INPUT_UNKNOWN_RUN: { ...input('There is no run {run}. See keelson runbooks list.'), httpStatus: 404 },
  INPUT_RUNBOOK_COMMAND: {
    ...input('Run {run} cannot {what} now: {why}. See keelson runbooks show {run}.'),
    httpStatus: 409,
  },
  INPUT_UNKNOWN_REQUEST: { ...input('There is no request {request}. See keelson approvals list.'), httpStatus: 404 },
  INPUT_MODE_MOVED: {
    ...input(
      'Account {account} is in mode {mode} at version {version} by now, not at {expected}: look at keelson status, and decide anew.',
    ),
    httpStatus: 409,
  },
  LEDGER_NOT_REBUILT: { ...input('The ledger of {account} is not rebuilt: {why}.'), httpStatus: 409 },
  LEDGER_NOT_BOOKED: { ...input('Nothing is booked in {account}: {why}.'), httpStatus: 409 },
  INPUT_NOT_FOUND: { ...input('There is nothing at {path}.'), httpStatus: 404 },

  AUTH_MISSING: access(401, 'This call needs an API key: send it as `Authorization: Bearer …`.'),
  AUTH_INVALID: access(401, 'The API key is not known or has been revoked.'),
  AUTH_FORBIDDEN: access(403, '{subject} has not the role for this: one of {roles} is needed.'),
  AUTH_APPROVAL_NEEDED: access(
    409,
    '{what} needs a second person: {why}. Request {request} waits until {until}. Another person ({roles}) approves it: keelson approvals approve {request} --reason …',
  ),
  AUTH_APPROVAL_CLOSED: access(
    409,
    'Request {request} is {state}: nothing is done. Who still wants it asks for it anew, without this id, and another person approves that request: keelson approvals list.',
  ),
  HALT_NOT_CLEAN: {
    ...refusal('The halt stands: {found}. Request {request} stays good while it is approved: see to it, then {again}'),
    httpStatus: 409,
  },
  AUTH_OWN_REQUEST: access(403, 'Request {request} was made by {subject}: another person has to decide it.'),
  AUTH_LAST_ADMIN: access(409, 'Without {what} nobody could change people any more: make another admin first.'),
  AUTH_ORIGIN: access(403, 'Requests from {origin} are not answered: only this machine’s own pages may call.'),
  AUTH_RATE_LIMITED: access(429, 'Too many requests: try again in {retryAfterSeconds} s.'),

  VENUE_UNAVAILABLE: {
    kind: 'venueTransient',
    message: '{venue} did not answer {call}: {detail}. It is asked again.',
    httpStatus: 503,
    retry: 'backoff',
  },
  VENUE_RATE_LIMITED: {
    kind: 'venueTransient',
    message: '{venue} limits our requests: {call} is tried again in {retryAfterMs} ms.',
    httpStatus: 503,
    retry: 'backoff',
  },
  VENUE_REJECTED: {
    kind: 'venueFinal',
    message: '{venue} rejected the order: {detail}.',
    httpStatus: 502,
    retry: 'never',
  },
  VENUE_INSUFFICIENT_FUNDS: {
    kind: 'venueFinal',
    message: '{venue} says that {account} has not the funds: {detail}.',
    httpStatus: 502,
    retry: 'never',
  },
  VENUE_AUTH: {
    kind: 'venueFinal',
    message: '{venue} refuses the key of {account}: {detail}. Check key, secret, permissions and address list.',
    httpStatus: 502,
    retry: 'never',
  },
  VENUE_OUTCOME_UNKNOWN: {
    kind: 'outcomeUnknown',
    message: 'Whether {order} reached {venue} is not known: {detail}. It is looked up until it is; it is not sent again.',
    httpStatus: 202,
    retry: 'lookUp',
  },

  DATA_GAP: data('{instrument} has no bars from {from} to {to}: entries wait until they are filled.'),
  DATA_STALE: refusal(
    'What the stream of {instrument} tells was so {lateMs} ms before it came, by the venue’s own time; entries need it within {limitMs} ms: the feed is late.',
  ),
  DATA_CALENDAR: data('The economic calendar could not be read: {detail}. Mend the file or its address; entries wait when it is too old.'),
  DATA_CROSSED_BOOK: refusal('The book of {instrument} is crossed (bid {bid}, ask {ask}): entries wait until it is not.'),

  MODEL_HASH_MISMATCH: model('The model file {path} has hash {found}; {expected} was approved.'),
  MODEL_SCHEMA_MISMATCH: model('The model {path} expects the features {expected}; the strategy gives {found}.'),
  MODEL_MISSING: model('There is no model at {path}. Run `npm run train` or correct the path.'),

  CONFIG_INVALID: configuration('The configuration {path} has {count} {count:problem/problems}:\n{problems}'),
  CONFIG_SECRET_READABLE: configuration('{path} can be read by others (mode {mode}). Run: chmod 600 {path}'),
  CONFIG_DATABASE: configuration('The database at {address} cannot be used: {detail}.'),
  CONFIG_TEMPORAL: configuration('The Temporal server at {address} cannot be used: {detail}.'),
  CONFIG_NO_TEMPORAL: configuration('No Temporal server could be had:\n{table}'),
  CONFIG_DURABILITY: configuration('Postgres runs with {setting} = {value}; orders are safe only with {needed}.'),
  CONFIG_LIVE_TRADING: configuration('{account} at {venue} trades real money: it needs ENVIRONMENT=production and allowLiveTrading: true.'),
  CONFIG_MIXED_QUOTES: configuration(
    '{scope} trades in {quotes}, and limits of different quote assets cannot be added up: let it trade in one of them{else}.',
  ),
  CONFIG_VENUE_UNPROVEN: configuration(
    '{account} trades real money at {venue}, and this build has not been proven against {profile}. Prove it on the venue’s test system, or set acceptUnproven: true for the account.',
  ),
  CONFIG_SHARED_KEY: configuration(
    'Accounts {account} and {other} have the same key, and so they would trade one account of {profile} with two ledgers. Give each its own: {names}. A name with a slip in it counts as not set, and the common EXCHANGE_API_KEY takes its place.',
  ),
  CONFIG_VENUE_ADDRESS: configuration(
    '{venue} is a paper venue and must stay on this machine, a private network or the venue’s test network, but {where} points to {address}. Correct the address, or configure it as a live venue.',
  ),
  CONFIG_PACKAGES_LINKED: configuration(
    '{path} is a link to {target}, which does not hold what package-lock.json says. Installing would empty that folder, which another clone may use: run `npm ci` there, or remove the link and start again.',
  ),
  CONFIG_NO_ROOM: configuration(
    'What is stored is copied before it is changed, which takes {needed} MB; the disk of {folder} has {free} MB left. Nothing was changed. Make room there, and start again.',
  ),
  CONFIG_WORKFLOWS_DIFFER: configuration(
    'Of {count} open workflow {count:run/runs} {failed} cannot go on with this build: {runs}. Nothing was changed: start the build that ran here before{back}, which goes on with them. This one needs its changes behind patched(), or those runs have to end first.',
  ),
  CONFIG_START_OLDER: configuration(
    'The start {start} (KEELSON_START) is older than the newest one, whose strategy versions, calendar, schedules and accounts stay as they are. In a rollback, start all processes under a name that was never used before; else stop this process when the newer ones run.',
  ),
  CONFIG_SCHEDULE: configuration(
    'Temporal does not take the schedule {schedule} as {setting} has it: {detail}. It stays as it was, and where there was none nothing is begun by it. Correct {setting}, and restart.',
  ),
  CONFIG_MIGRATION_EDITED: configuration(
    'Migration {name} was edited after it was applied. Restore the file; write a new migration for the change.',
  ),

  INTERNAL: {
    kind: 'infrastructure',
    message: 'An unexpected error ({reference}). It is in the log of {process}.',
    httpStatus: 500,
    retry: 'never',
  },
  INFRA_DATABASE: infrastructure('The database did not answer: {detail}.'),
  ALERT_NOT_DELIVERED: infrastructure('The channel {channel} did not take an alert: {detail}. It is tried again. See keelson alerts list.'),
  INFRA_INSTANCE_REPLACED: infrastructure(
    'The database is another than this process was started over (instance and epoch {was}, now {is}). It ends, and has to be started anew.',
  ),
  INFRA_TEMPORAL: infrastructure('Temporal did not answer: {detail}.'),
  INFRA_RECONCILING: infrastructure('{account} is being compared with its venue already. It is tried again.'),
  INFRA_HOME_LOCKED: infrastructure('Keelson already runs from {home} (process {pid}): {addresses}.'),
  INFRA_PORT_TAKEN: infrastructure('Port {port} for {service} is taken by another of our own processes ({holder}).'),
  INFRA_COPY: infrastructure(
    'What is stored could not be copied before it is changed: {detail}. Nothing was changed. End whatever else is connected to the database, and start again.',
  ),
  INFRA_RESTORE: infrastructure(
    '{what} was not restored: {detail}. Nothing was changed. `keelson restore` lists what there is to go back to.',
  ),
  INFRA_REPLAY: infrastructure(
    'Whether this build can go on with the open workflow runs could not be found out: {detail}. Nothing was started or migrated. Start again; until it is found out the build that ran here before{back} goes on with them.',
  ),
  INFRA_CHILD_FAILED: infrastructure('{child} ended {count} times within {seconds} s and is not started again: {detail}. See {log}.'),
});

export type ErrorCode = keyof typeof ERRORS;
export type ErrorValues = Readonly<Record<string, string | number>>;

/** A failure as plain data: how it travels in payloads, rows, events and HTTP problems. */
export interface Failure {
  readonly code: ErrorCode;
  readonly message: string;
  readonly values: ErrorValues;
}

/** Builds a failure; values that the template names and that are missing show as `?`, so that a message never fails. */
export function failure(code: ErrorCode, values: ErrorValues = {}): Failure {
  const message = ERRORS[code].message.replace(/\{(\w+)(?::(\w+)\/(\w+))?\}/g, (_, name: string, one?: string, many?: string) =>
    String((many === undefined ? values[name] : values[name] === 1 ? one : many) ?? '?'),
  );
  return { code, message, values };
}

/** A failure that is thrown: at the edges, and in activities, where it is mapped to an ApplicationFailure. */
export class KeelsonError extends Error {
  readonly failure: Failure;
  constructor(code: ErrorCode, values: ErrorValues = {}, options?: ErrorOptions) {
    const made = failure(code, values);
    super(`${code}: ${made.message}`, options);
    this.name = 'KeelsonError';
    this.failure = made;
  }
}

/** For what cannot be unless the code is wrong: a plain throw, so that a workflow task waits for a fix. */
export function invariant(condition: unknown, message: string): asserts condition {
  if (!condition) throw new Error(`invariant: ${message}`);
}
