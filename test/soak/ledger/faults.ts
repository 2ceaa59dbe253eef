import { Body } from '../../../exchange/admin/body.js';
import { faultRuleOf } from '../../../exchange/admin/fault-body.js';
import { FAULTS } from '../../../exchange/faults/rule.js';
import type { SoakLane } from '../world/lane.js';

type Rule = Readonly<Record<string, string | number>>;

const HTML = '<html><body>502 Bad Gateway</body></html>';
const ORDER = 'POST /api/v3/order';

/** Each strikes by chance whatever it can, without end; together at least a fifth of all calls. The first sees every call. */
const RULES: readonly Rule[] = [
  { fault: 'refuse', probability: 0.07, status: 503 },
  { fault: 'refuse', probability: 0.01, status: 429, code: -1003, message: 'Too many requests.', retryAfterSeconds: 1 },
  { fault: 'delayAdmission', probability: 0.08, delayMs: 250 },
  { fault: 'dropReply', probability: 0.04 },
  { fault: 'cutBody', probability: 0.03 },
  { fault: 'replaceReply', probability: 0.02, status: 502, body: HTML },
  { fault: 'stallHeaders', probability: 0.03, delayMs: 400 },
  { fault: 'expireInMatch', probability: 0.02, call: ORDER },
  { fault: 'partialFillThenCancel', probability: 0.05, call: ORDER, percent: 40 },
  { fault: 'hideFromLookups', probability: 0.05, call: ORDER, delayMs: 250 },
  { fault: 'duplicateEvent', probability: 0.1 },
  { fault: 'delayEvent', probability: 0.1, delayMs: 1_500 },
  { fault: 'loseEvent', probability: 0.05 },
  { fault: 'dropStream', probability: 0.005 },
];

/** From now on the venue of a lane spoils calls and events; the same seed strikes the same ones of them. */
export function spoil({ paper }: SoakLane, seed: number): void {
  RULES.forEach((rule, index) => {
    const body = JSON.stringify({ ...rule, times: 0, seed: seed + index });
    paper.faults.add(faultRuleOf(new Body(body), paper.now()));
  });
}

export interface Spoiled {
  readonly calls: number;
  /** Of them, struck on the way in, on the way out, or in what became of their order. */
  readonly struck: number;
  /** Events of the account's stream that were spoiled, and not counted among the calls. */
  readonly events: number;
}

/** How many calls and events a venue has had since it began to spoil them, and how many of those it has spoiled. */
export function spoiled({ paper }: SoakLane): Spoiled {
  const rules = paper.faults.list();
  const sum = (isOne: (stage: string) => boolean): number =>
    rules.filter(({ fault }) => isOne(FAULTS[fault])).reduce((total, { struck }) => total + struck, 0);
  return { calls: rules[0]?.matched ?? 0, struck: sum((stage) => stage !== 'event'), events: sum((stage) => stage === 'event') };
}
