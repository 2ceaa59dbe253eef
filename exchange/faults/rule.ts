import type { FaultEvent } from '../journal/record.js';

/** When in a call's life a fault strikes. */
export type Stage = 'arrival' | 'order' | 'reply' | 'visibility' | 'event' | 'frame';

/** Every fault by name, with the stage it belongs to. `docs/reference/paper-venue.md` describes each. */
export const FAULTS = {
  delayAdmission: 'arrival',
  refuse: 'arrival',
  expireInMatch: 'order',
  partialFillThenCancel: 'order',
  dropReply: 'reply',
  stallHeaders: 'reply',
  stallBody: 'reply',
  cutBody: 'reply',
  replaceReply: 'reply',
  hideFromLookups: 'visibility',
  duplicateEvent: 'event',
  delayEvent: 'event',
  loseEvent: 'event',
  dropStream: 'event',
  duplicateFrame: 'frame',
  delayFrame: 'frame',
  lateFrame: 'frame',
  loseFrame: 'frame',
  dropMarketStream: 'frame',
} as const satisfies Record<string, Stage>;
export type FaultName = keyof typeof FAULTS;

/** What a rule looks at; what it leaves out matches everything. */
export interface Target {
  /** `POST /api/v3/order` */
  readonly call?: string;
  readonly account?: string;
  readonly symbol?: string;
  readonly side?: string;
  readonly type?: string;
  /** A trailing `*` matches any ending. */
  readonly clientOrderId?: string;
  /** Of a user-data event: `NEW`, `TRADE`, `CANCELED` … */
  readonly execution?: string;
  /** Of a public frame: `btcusdt@trade`. */
  readonly stream?: string;
}

export interface FaultRule extends Target {
  readonly id: number;
  readonly fault: FaultName;
  /** Matches to let pass first. */
  readonly after: number;
  /** How often it strikes; 0 is without limit. */
  readonly times: number;
  /** Chance for each match, drawn from the seed. */
  readonly probability: number;
  readonly seed: number;
  /** Venue time after which it no longer strikes; undefined: never. */
  readonly until: number | undefined;
  /** Delays, stalls, hiding; of `lateFrame`, how old it is. */
  readonly delayMs: number;
  /** `refuse`, `replaceReply`: HTTP status, and the body or the code and message. */
  readonly status: number;
  readonly code: number;
  readonly message: string;
  readonly body: string | undefined;
  readonly retryAfterSeconds: number | undefined;
  /** `partialFillThenCancel`: hundredths of the quantity that fill. */
  readonly percent: number;
}

export const TARGET_FIELDS = ['call', 'account', 'symbol', 'side', 'type', 'clientOrderId', 'execution', 'stream'] as const;

export function matches(rule: Target, target: Target): boolean {
  return TARGET_FIELDS.every((field) => {
    const wanted = rule[field];
    if (wanted === undefined) return true;
    const given = target[field];
    if (given === undefined) return false;
    return wanted.endsWith('*') ? given.startsWith(wanted.slice(0, -1)) : given === wanted;
  });
}

/** A fault that was applied, as the journal has it. */
export function faultEvent(rule: FaultRule, target: Target): FaultEvent {
  const { call, account, symbol, clientOrderId, execution, stream } = target;
  const words = [call, account, symbol, clientOrderId, execution, stream].filter((word) => word !== undefined && word !== '');
  return { type: 'fault', rule: rule.id, fault: rule.fault, target: words.join(' ') };
}
