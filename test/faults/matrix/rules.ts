import type { FaultName } from '../../../exchange/faults/rule.js';
import type { Chance } from './chance.js';
import type { Rule } from './plan.js';

type Fields = Readonly<Record<string, string | number>>;

const HTML = '<html><body>502 Bad Gateway</body></html>';

/** Refusals before anything is done. A failing venue's 5xx proves nothing; 429 and 418 do. */
const REFUSALS: readonly [Fields, ...Fields[]] = [
  { status: 429, code: -1003, message: 'Too many requests.', retryAfterSeconds: 1 },
  { status: 418, code: -1003, message: 'Way too many requests.', retryAfterSeconds: 1 },
  { status: 503, code: -1000 },
  { status: 502, body: HTML },
  { status: 403, body: HTML },
];

/** What a client may get instead of the reply of a call that was accepted. */
const REPLIES: readonly [Fields, ...Fields[]] = [
  { status: 200, body: '{}' },
  { status: 200, body: HTML },
  { status: 200, body: 'null' },
  { status: 502, body: HTML },
  { status: 500, code: -1006, message: 'An unexpected response was received from the message bus.' },
  { status: 504, code: -1007, message: 'Timeout waiting for response from backend server.' },
];

/** The fault with parameters of its own; `at` says what it looks at. */
export function ruleOf(fault: FaultName, at: Fields, chance: Chance): Rule {
  return { fault, ...at, ...parametersOf(fault, chance) };
}

function parametersOf(fault: FaultName, chance: Chance): Fields {
  switch (fault) {
    case 'delayAdmission':
      // Within the receive window, at its edge, and after our deadline.
      return { delayMs: chance.pick([50, 250, 480, 700, 1_300]) };
    case 'refuse':
      return { ...chance.pick(REFUSALS), times: chance.between(1, 2) };
    case 'partialFillThenCancel':
      // The smallest parts are under what the venue would let us sell.
      return { percent: chance.pick([0.5, 0.9, 20, 50, 80]) };
    case 'replaceReply':
      return chance.pick(REPLIES);
    case 'hideFromLookups':
      // Within the receive window and the visibility bound of the profile.
      return { delayMs: chance.between(100, 700) };
    case 'delayEvent':
      return { delayMs: chance.between(200, 2_500), times: chance.between(1, 3) };
    case 'duplicateEvent':
    case 'loseEvent':
      return { times: chance.between(1, 3) };
    case 'delayFrame':
      return { delayMs: chance.between(200, 1_500), times: chance.between(1, 4), after: chance.between(2, 8) };
    case 'lateFrame':
      return { delayMs: chance.between(6_000, 60_000), times: chance.between(1, 12), after: chance.between(2, 8) };
    case 'duplicateFrame':
    case 'loseFrame':
      return { times: chance.between(1, 12), after: chance.between(2, 8) };
    case 'dropMarketStream':
      return { after: chance.between(2, 8) };
    case 'stallHeaders':
    case 'stallBody':
      // Until the client gives up, or not quite so long.
      return { delayMs: chance.pick([400, 60_000]) };
    case 'expireInMatch':
    case 'dropReply':
    case 'cutBody':
    case 'dropStream':
      return {};
  }
}
