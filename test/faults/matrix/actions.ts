import type { Cell } from './cells.js';
import type { Chance } from './chance.js';
import { anyEntry, filledWhileResting, resting } from './entries.js';
import type { Lane } from './lane.js';
import { CALM, type Moment, type Operation, type Plan } from './plan.js';

const DELAYED_STOP = { fault: 'delayAdmission', call: 'POST /api/v3/order', type: 'STOP_LOSS*', delayMs: 350 } as const;
const DELAYED_CANCEL = { fault: 'delayAdmission', call: 'DELETE /api/v3/order', delayMs: 350 } as const;

const action = (fault: string, operation: Operation, plan: (chance: Chance) => Partial<Plan>): Cell => ({
  fault,
  operation,
  plan: (chance) => ({ ...CALM, ...plan(chance) }),
});

/** A venue whose clock is `shiftMs` ahead of ours; `known`: we have measured it since. */
const clock = (shiftMs: number, known: boolean) => (lane: Lane) => lane.shiftClock(shiftMs, known);

/** Within the skew limit and beyond it, both ways. */
const SKEWS = { clockAheadWithin: 400, clockBehindWithin: -400, clockAheadBeyond: 2_000, clockBehindBeyond: -2_000 } as const;

const skewed = (operation: Operation, skews: readonly (keyof typeof SKEWS)[], moment: Moment, more: Partial<Plan> = {}): Cell[] =>
  skews.map((fault) =>
    action(fault, operation, (chance) => ({ ...more, acts: { [moment]: clock(SKEWS[fault], chance.pick([true, false])) } })),
  );

/** What happens to a venue, an account or a market without any call of ours being spoiled. */
export const ACTIONS: readonly Cell[] = [
  action('streamsDropped', 'stream', (chance) => ({
    ...anyEntry(chance),
    acts: {
      ...filledWhileResting(chance).acts,
      before: (lane) => lane.admin('/streams/drop', { which: 'user', refuseMs: chance.pick([0, 500, 2_000]) }),
    },
  })),
  action('streamsSilent', 'stream', (chance) => ({
    ...filledWhileResting(chance),
    acts: { ...filledWhileResting(chance).acts, before: (lane) => lane.admin('/streams/silence', { which: 'user', forMs: 4_000 }) },
    ending: chance.pick(['exit', 'stopReached']),
  })),
  ...skewed('submit', ['clockAheadWithin', 'clockBehindWithin', 'clockAheadBeyond', 'clockBehindBeyond'], 'before'),
  ...skewed('stopCancel', ['clockAheadWithin', 'clockBehindWithin', 'clockAheadBeyond', 'clockBehindBeyond'], 'protected'),
  ...skewed('stopPlace', ['clockAheadBeyond', 'clockBehindBeyond'], 'held', { helpers: [DELAYED_STOP], ending: 'exitAtOnce' }),
  action('canceledByHand', 'stopPlace', (chance) => ({
    stop: chance.pick(['stopMarket', 'stopLimit']),
    acts: { protected: (lane) => lane.cancelByHand() },
    ending: chance.pick(['exit', 'exitAtOnce', 'stopReached']),
  })),
  action('canceledByHand', 'cancel', (chance) => ({
    ...resting(chance.between(500, 1_500)),
    acts: { working: (lane) => lane.cancelByHand() },
  })),
  action('filledByHand', 'stopWake', (chance) => ({
    stop: chance.pick(['stopMarket', 'stopLimit']),
    acts: { protected: (lane) => lane.fillByHand('stop', chance.pick([1, 40, 100])) },
    ending: chance.pick(['exit', 'exitAtOnce']),
  })),
  // A cancel that crosses a fill.
  action('filledByHand', 'cancel', (chance) => ({
    ...resting(chance.between(200, 600)),
    helpers: [DELAYED_CANCEL],
    acts: { working: (lane) => lane.fillWhileCanceling(chance.pick([1, 40, 100])) },
  })),
  action('balanceMoved', 'submit', () => ({ acts: { before: (lane) => lane.leaveOnly('USDT', '100') } })),
  action('balanceMoved', 'stopPlace', () => ({ helpers: [DELAYED_STOP], acts: { held: (lane) => lane.takeBaseUntilRefused() } })),
  action('halted', 'submit', () => ({ acts: { before: (lane) => lane.halt() } })),
  action('halted', 'stopPlace', () => ({ helpers: [DELAYED_STOP], acts: { held: (lane) => lane.haltUntilRefused() } })),
  action('feeInQuote', 'submit', (chance) => ({ ...anyEntry(chance), feeAsset: 'quote', ending: chance.pick(['exit', 'stopReached']) })),
  action('feeInThirdAsset', 'submit', (chance) => ({ ...anyEntry(chance), feeAsset: 'BNB', ending: chance.pick(['exit', 'stopReached']) })),
  action('dust', 'submit', () => ({
    rules: [{ fault: 'partialFillThenCancel', call: 'POST /api/v3/order', side: 'BUY', percent: 0.5 }],
  })),
  action('gap', 'stopWake', (chance) => ({ stop: chance.pick(['stopLimit', 'stopMarket']), ending: 'gap' })),
  action('lateVisibility', 'submit', (chance) => ({
    helpers: [
      { fault: 'dropReply', call: 'POST /api/v3/order', side: 'BUY' },
      { fault: 'delayEvent', side: 'BUY', times: 0, delayMs: chance.between(2_500, 3_500) },
    ],
    rules: [{ fault: 'hideFromLookups', call: 'POST /api/v3/order', side: 'BUY', delayMs: 4_500 }],
  })),
  action('replaced', 'cancel', (chance) => ({
    execution: { kind: 'limit', offsetBps: 10, workMs: 2_500, postOnly: false, replaceBps: 20 },
    acts: { working: async (lane) => lane.quote(chance.pick(['50200', '50300'])) },
  })),
  action('wouldTake', 'submit', () => ({ execution: { kind: 'limit', offsetBps: -20, workMs: 800, postOnly: true } })),
  action('signalExpires', 'cancel', (chance) => ({
    execution: { kind: 'limit', offsetBps: 30, workMs: 20_000, postOnly: false },
    signalValidForMs: chance.between(500, 1_200),
  })),
];
