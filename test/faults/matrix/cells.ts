import { FAULTS, type FaultName, type Stage } from '../../../exchange/faults/rule.js';
import { ACTIONS } from './actions.js';
import type { Chance } from './chance.js';
import { anyEntry, atTheMarket, filledWhileResting, marketable, resting } from './entries.js';
import { CALM, type Operation, type Plan } from './plan.js';
import { ruleOf } from './rules.js';

/** A fault at an operation, and the stories that it is tried in. */
export interface Cell {
  readonly fault: string;
  readonly operation: Operation;
  plan(chance: Chance): Plan;
}

const POST = { call: 'POST /api/v3/order' };
const DELETE = { call: 'DELETE /api/v3/order' };
const BUY = { ...POST, side: 'BUY' };
const EXIT = { ...POST, side: 'SELL', type: 'LIMIT' };
const STOP = { ...POST, type: 'STOP_LOSS*' };
/** Evidence comes by look-ups alone. */
const SILENT_ENTRY = { fault: 'loseEvent', side: 'BUY', times: 0 } as const;
const LOST_ENTRY = { fault: 'dropReply', ...BUY } as const;
const SILENT_STOP = { fault: 'loseEvent', side: 'SELL', execution: 'TRADE', times: 0 } as const;

const ofStage = (...stages: readonly Stage[]): FaultName[] =>
  (Object.keys(FAULTS) as FaultName[]).filter((fault) => stages.includes(FAULTS[fault]));

function submit(fault: FaultName, chance: Chance): Plan {
  const ending = chance.pick(['exit', 'exitAtOnce', 'stopReached']);
  return { ...CALM, ...anyEntry(chance), rules: [ruleOf(fault, BUY, chance)], ending };
}

/** An exit that the venue does not show matters to whoever has lost its reply. */
function submitExit(fault: FaultName, chance: Chance): Plan {
  const helpers = fault === 'hideFromLookups' ? [{ fault: 'dropReply', ...EXIT } as const] : [];
  return { ...CALM, helpers, rules: [ruleOf(fault, EXIT, chance)], ending: chance.pick(['exit', 'exitAtOnce']) };
}

function lookUp(fault: FaultName, chance: Chance): Plan {
  if (fault === 'hideFromLookups') {
    return {
      ...CALM,
      ...chance.pick([atTheMarket, resting(600)]),
      helpers: [LOST_ENTRY, SILENT_ENTRY],
      rules: [ruleOf(fault, BUY, chance)],
    };
  }
  return asking('GET /api/v3/order')(fault, chance);
}

/** An entry whose reply is lost is looked up, and this call of the look-up is spoiled. */
const asking =
  (call: string) =>
  (fault: FaultName, chance: Chance): Plan => {
    const rule = { ...ruleOf(fault, { call }, chance), times: chance.between(1, 3) };
    return { ...CALM, ...chance.pick([atTheMarket, marketable]), helpers: [LOST_ENTRY, SILENT_ENTRY], rules: [rule] };
  };

function cancel(fault: FaultName, chance: Chance): Plan {
  const entry = chance.pick([resting(chance.between(50, 800)), filledWhileResting(chance)]);
  if (fault === 'hideFromLookups') return { ...CALM, ...resting(50), rules: [ruleOf(fault, BUY, chance)] };
  return { ...CALM, ...entry, rules: [ruleOf(fault, DELETE, chance)] };
}

function stream(fault: FaultName, chance: Chance): Plan {
  if (FAULTS[fault] === 'frame') return { ...CALM, bars: true, rules: [ruleOf(fault, { stream: 'btcusdt@kline_1s' }, chance)] };
  const target = chance.pick<Readonly<Record<string, string>>>([{}, { side: 'BUY' }, { execution: 'TRADE' }, { execution: 'NEW' }]);
  const ending = chance.pick(['exit', 'exitAtOnce', 'stopReached']);
  return { ...CALM, ...anyEntry(chance), rules: [ruleOf(fault, target, chance)], ending };
}

function stopPlace(fault: FaultName, chance: Chance): Plan {
  const lost = { fault: 'dropReply', ...STOP } as const;
  return {
    ...CALM,
    ...chance.pick([atTheMarket, filledWhileResting(chance)]),
    stop: chance.pick(['stopMarket', 'stopLimit']),
    helpers: fault === 'hideFromLookups' ? [lost] : [],
    rules: [ruleOf(fault, STOP, chance)],
    ending: chance.pick(['exit', 'exitWhenStruck', 'stopReached']),
  };
}

const stopCancel = (fault: FaultName, chance: Chance): Plan => ({
  ...CALM,
  stop: chance.pick(['stopMarket', 'stopLimit']),
  rules: [ruleOf(fault, DELETE, chance)],
});

function stopWake(fault: FaultName, chance: Chance): Plan {
  const stop = chance.pick(['stopMarket', 'stopLimit']);
  const common = { ...CALM, stop, ending: 'stopReached' } as const;
  if (FAULTS[fault] !== 'event')
    return { ...common, helpers: [SILENT_STOP], rules: [ruleOf(fault, { call: 'GET /api/v3/order' }, chance)] };
  const execution = chance.pick(['TRADE', 'TRIGGERED']);
  return { ...common, rules: [ruleOf(fault, { side: 'SELL', type: 'STOP_LOSS*', execution }, chance)] };
}

const cellsOf = (operation: Operation, faults: readonly FaultName[], plan: (fault: FaultName, chance: Chance) => Plan): Cell[] =>
  faults.map((fault) => ({ fault, operation, plan: (chance) => plan(fault, chance) }));

const CALL_FAULTS = ofStage('arrival', 'reply');

/**
 * Every fault of the paper venue at each operation where it can strike, and what is done to the venue by hand. Where a run has not
 * two stories for each, the last have one.
 */
export const CELLS: readonly Cell[] = [
  ...cellsOf('submit', ofStage('arrival', 'order', 'reply', 'visibility'), submit),
  ...cellsOf('submitExit', ofStage('arrival', 'order', 'reply', 'visibility'), submitExit),
  ...cellsOf('lookUp', ofStage('arrival', 'reply', 'visibility'), lookUp),
  ...cellsOf('cancel', ofStage('arrival', 'reply', 'visibility'), cancel),
  ...cellsOf('stream', ofStage('event', 'frame'), stream),
  ...cellsOf('stopPlace', ofStage('arrival', 'order', 'reply', 'visibility'), stopPlace),
  ...ACTIONS,
  ...cellsOf('stopCancel', CALL_FAULTS, stopCancel),
  ...cellsOf('stopWake', ofStage('arrival', 'reply', 'event'), stopWake),
  ...cellsOf('lookUpFills', CALL_FAULTS, asking('GET /api/v3/myTrades')),
  ...cellsOf('lookUpClock', CALL_FAULTS, asking('GET /api/v3/time')),
];
