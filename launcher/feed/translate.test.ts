import { describe, expect, it } from 'vitest';
import { toLauncherEvent } from './translate.js';

const of = (kind: string, data: Record<string, unknown>, subject?: string) =>
  toLauncherEvent({ id: '1', time: 5, kind, account: 'main', data, ...(subject === undefined ? {} : { subject }) });

describe('toLauncherEvent', () => {
  it('tells a signal that was not traded with all its reasons', () => {
    const data = {
      strategy: 'momentum',
      instrument: 'SPX/USDT',
      leg: 'open',
      score: 0.4,
      threshold: 0.55,
      failures: [
        { code: 'RISK_MODEL_THRESHOLD', message: 'too low' },
        { code: 'RISK_PRICE_MISSING', values: { instrument: 'SPX/USDT' } },
      ],
    };
    expect(of('signal.notTraded', data)).toEqual({
      time: 5,
      event: 'signal',
      account: 'main',
      strategy: 'momentum',
      instrument: 'SPX/USDT',
      leg: 'open',
      traded: false,
      score: '0.4',
      threshold: '0.55',
      reasons: ['too low', 'There is no price of SPX/USDT: entries wait for one.'],
    });
    expect(of('signal.recorded', { ...data, failures: [] })).toMatchObject({ traded: true, reasons: [] });
  });

  it('tells orders by the status they have come to', () => {
    const data = { intentId: 'i-1', instrument: 'SPX/USDT', side: 'buy', quantity: '1', price: '10' };
    expect(of('order.accepted', data)).toMatchObject({ event: 'order', status: 'accepted', clientOrderId: 'i-1', reasons: [] });
    expect(of('order.denied', { ...data, code: 'RISK_NO_POSITION', strategy: 'momentum' })).toMatchObject({
      reasons: ['There is nothing of momentum in SPX/USDT to close.'],
    });
  });

  it('tells fills, modes and notices', () => {
    expect(
      of('fill.booked', { instrument: 'SPX/USDT', side: 'sell', quantity: '1', price: '10', fee: '0.1', feeAsset: 'USDT' }),
    ).toMatchObject({ event: 'fill', side: 'sell', fee: '0.1' });
    expect(of('mode.changed', { mode: 'paused', was: 'normal', reason: 'lunch' }, 'owner')).toMatchObject({
      ...{ event: 'mode', mode: 'paused', from: 'normal', by: 'owner' },
    });
    expect(of('bars.gap', { instrument: 'SPX/USDT', code: 'DATA_GAP', from: 1, to: 2 })).toMatchObject({
      event: 'notice',
      message: 'SPX/USDT: bars are missing: SPX/USDT has no bars from 1 to 2: entries wait until they are filled.',
    });
    const asked = { action: 'resume', reason: 'explained', requestId: 'r-1', requestedBy: 'tess' };
    expect(of('approval.requested', asked, 'tess')).toMatchObject({
      event: 'notice',
      message: 'tess asks for: resume main: explained. A second person decides: keelson approvals approve r-1 --reason …',
    });
    const payload = { key: 'maxOpenOrders', scope: 'account', scopeValue: 'main', account: null, from: '5', value: '9' };
    expect(of('approval.requested', { ...asked, action: 'loosenLimit', reason: 'book is back.', payload }, 'rik')).toMatchObject({
      message:
        'rik asks for: limit maxOpenOrders of account main from 5 to 9: book is back. A second person decides: keelson approvals approve r-1 --reason …',
    });
    expect(of('approval.refused', asked, 'rik')).toMatchObject({ message: 'rik refused what tess asked (resume main): explained' });
  });

  it('tells of halts: what, who, why, what becomes of what is held, and where to look', () => {
    const latch = { scope: 'account', scopeValue: 'main', policy: 'atOnce', reason: 'a spread' };
    for (const [kind, message] of [
      ['halt.engaged', 'main: HALTED: account main by rik: a spread (what is held is sold). npx keelson halts tells how far it is'],
      [
        'halt.tightened',
        'main: HALTED, stricter: account main by rik: a spread (what is held is sold). npx keelson halts tells how far it is',
      ],
      ['halt.released', 'main: no halt stands any more'],
    ] as const) {
      expect(of(kind, latch, 'rik')).toMatchObject({ event: 'notice', kind, message });
    }
    const overNothing = { id: '1', time: 5, kind: 'halt.engaged', account: null, subject: 'rik', data: latch };
    expect(toLauncherEvent(overNothing)).toMatchObject({
      message: 'NOTHING IS HALTED, no account is under it: account main by rik: a spread. The latch stands, over what comes under it later',
    });
    expect(of('halt.engaged', { ...latch, scope: 'strategy', scopeValue: 'momentun', known: ['momentum'] }, 'rik')).toMatchObject({
      message:
        'NOTHING IS HALTED, no account trades or holds anything of it: strategy momentun by rik: a spread. The latch stands, over what comes under it later',
    });
    expect(of('halt.ended', { ...latch, approvedBy: ['olga'] }, 'rik')).toMatchObject({
      message: 'main: the halt of account main has ended: rik asked for it (a spread), approved by olga',
    });
  });

  it('tells once that a halt is verified, and which one, and where its file is when that is new', () => {
    const verified = (data: object) => of('halt.verified', { halted: ['instrument SPX/USDT', 'account main'], ...data });
    const evidence = { path: '/home/evidence/halt-main.json', sha256: 'ab' };
    const message =
      'main: the venue has shown what the halt of instrument SPX/USDT and account main is for. It stays halted until two people end it: npx keelson halts';
    for (const first of [
      { wasPhase: 'running', evidence: null },
      { wasPhase: null, evidence, isFileNew: true },
    ])
      expect(verified(first)).toMatchObject({ message });
    expect(verified({ wasPhase: 'verified', evidence, isFileNew: true })).toMatchObject({
      message: 'main: the evidence of the halt of instrument SPX/USDT and account main is written: /home/evidence/halt-main.json',
    });
    expect(verified({ wasPhase: 'verified', evidence, isFileNew: false })).toBeUndefined();
  });

  it('says which incident was opened', () => {
    expect(of('incident.opened', { incident: 'orphanOrder', incidentId: '7', instrument: 'SPX/USDT', detail: 'a stranger' })).toMatchObject(
      {
        message: 'SPX/USDT: incident 7 orphanOrder was opened (npx keelson incidents list): a stranger',
      },
    );
    // As an older build has told it.
    expect(of('incident.opened', { incident: 'halt' })).toMatchObject({ message: 'incident halt was opened (npx keelson incidents list)' });
  });

  it('shows nothing of what is only for the record', () => {
    expect(of('config.applied', {})).toBeUndefined();
    expect(of('halt.running', {})).toBeUndefined();
  });
});
