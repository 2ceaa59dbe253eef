import { expect, it } from 'vitest';
import { FAULTS, type FaultName, type Stage } from '../../../exchange/faults/rule.js';
import { CELLS } from './cells.js';
import { Chance } from './chance.js';
import type { Operation } from './plan.js';

/** Where faults of a stage can strike. Frames are of prices and bars, which have no part in an order. */
const WHERE: Readonly<Record<Stage, readonly Operation[]>> = {
  arrival: ['submit', 'submitExit', 'lookUp', 'lookUpFills', 'lookUpClock', 'cancel', 'stopPlace', 'stopCancel', 'stopWake'],
  order: ['submit', 'submitExit', 'stopPlace'],
  reply: ['submit', 'submitExit', 'lookUp', 'lookUpFills', 'lookUpClock', 'cancel', 'stopPlace', 'stopCancel', 'stopWake'],
  visibility: ['submit', 'submitExit', 'lookUp', 'cancel', 'stopPlace'],
  event: ['stream', 'stopWake'],
  frame: ['stream'],
};
/** What each operation is at the venue, whatever chance decides. */
const AT: Partial<Readonly<Record<Operation, object>>> = {
  submit: { call: 'POST /api/v3/order', side: 'BUY' },
  submitExit: { call: 'POST /api/v3/order', side: 'SELL', type: 'LIMIT' },
  lookUp: { call: 'GET /api/v3/order' },
  lookUpFills: { call: 'GET /api/v3/myTrades' },
  lookUpClock: { call: 'GET /api/v3/time' },
  cancel: { call: 'DELETE /api/v3/order' },
  stopPlace: { call: 'POST /api/v3/order', type: 'STOP_LOSS*' },
  stopCancel: { call: 'DELETE /api/v3/order' },
};
const SEEDS = 40;

it('every fault of the paper venue is tried at every operation where it can strike', () => {
  const wanted = (Object.keys(FAULTS) as FaultName[]).flatMap((fault) => WHERE[FAULTS[fault]].map((operation) => `${fault}@${operation}`));
  expect(CELLS.map(({ fault, operation }) => `${fault}@${operation}`)).toEqual(expect.arrayContaining(wanted));
});

it('no two cells have the same name', () => {
  const names = CELLS.map(({ fault, operation }) => `${fault}@${operation}`);
  expect(new Set(names).size).toBe(names.length);
});

it('clocks are skewed both ways, within the limit and beyond it', () => {
  const skews = CELLS.filter(({ fault }) => fault.startsWith('clock')).map(({ fault, operation }) => `${fault}@${operation}`);
  for (const operation of ['submit', 'stopCancel', 'stopPlace'])
    expect(skews).toEqual(expect.arrayContaining([`clockAheadBeyond@${operation}`, `clockBehindBeyond@${operation}`]));
});

it('a cell spoils what it is named after, whatever chance decides', () => {
  for (const cell of CELLS) {
    const { fault, operation } = cell;
    // What hides an order from look-ups strikes when the order comes.
    const at = fault === 'hideFromLookups' && (operation === 'lookUp' || operation === 'cancel') ? AT.submit : AT[operation];
    for (let seed = 1; seed <= SEEDS; seed += 1) {
      for (const rule of cell.plan(new Chance(seed, 'any')).rules) {
        if (at !== undefined && rule.fault === fault) expect(rule, `${fault}@${operation}`).toMatchObject(at);
      }
    }
  }
});
