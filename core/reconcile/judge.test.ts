import { describe, expect, it } from 'vitest';
import type { Difference, KnownDifference } from './difference.js';
import { judge, type Judgement } from './judge.js';
import { cursorAfter, depthOf, fillsFrom, RECONCILE, RECONCILE_SCOPES } from './rules.js';

const SEEN: Difference = {
  class: 'balanceMovement',
  subject: 'balance:USDT',
  fingerprint: '5',
  treatment: 'secondLook',
  isInFlight: false,
  deltas: {},
  evidence: { venue: null, ledger: null },
};
const REPAIRABLE: Difference = { ...SEEN, class: 'missedFill', treatment: 'repair', repair: { kind: 'lookUp', intentId: 'i' } };
const ORPHAN: Difference = {
  ...SEEN,
  class: 'orphanOrder',
  treatment: 'person',
  evidence: { venue: { order: { instrument: 'BTC/USDT', clientOrderId: 'c' }, fills: [] }, ledger: null },
};
const row = (one: Difference, more: Partial<KnownDifference> = {}): KnownDifference => ({
  ...one,
  ...{
    id: '7',
    status: 'pending',
    decision: null,
    eventTime: null,
    repairs: 0,
    failedRepairs: 0,
    unseenMs: 0,
    sameMs: 60_000,
    seenMs: 0,
    decidedMs: null,
    isBooked: false,
  },
  ...more,
});
const on = (differences: readonly Difference[], known: readonly KnownDifference[] = [], judges = true): Judgement =>
  judge({ differences, judges: () => judges }, known, RECONCILE);
const kinds = ({ changes }: Judgement): readonly string[] =>
  changes.map((change) => [change.kind, 'status' in change ? change.status : 'outcome' in change ? change.outcome : ''].join(' ').trim());

describe('a first look', () => {
  it('raises no alarm for what may be a matter of time, and another look tells', () => {
    expect(kinds(on([SEEN]))).toEqual(['new pending']);
    expect(on([SEEN])).toMatchObject({ isClean: false, isUnsettled: true, repairs: [] });
  });
  it('gives to a person at once what is nobody else’s, but for what is just under way', () => {
    expect(kinds(on([ORPHAN]))).toEqual(['new open']);
    expect(on([ORPHAN]).isUnsettled).toBe(false);
    expect(kinds(on([{ ...ORPHAN, isInFlight: true }]))).toEqual(['new pending']);
  });
  it('repairs what is safe, and leaves alone what is under way', () => {
    expect(on([REPAIRABLE]).repairs).toHaveLength(1);
    expect(on([{ ...REPAIRABLE, isInFlight: true }]).repairs).toEqual([]);
  });
  it('of nothing is clean', () => {
    expect(on([])).toEqual({ changes: [], repairs: [], isClean: true, isUnsettled: false, isWhole: true });
  });
});

describe('a second look', () => {
  it('gives what still stands as it was to a person', () => {
    expect(kinds(on([SEEN], [row(SEEN)]))).toEqual(['opened']);
    expect(kinds(on([SEEN], [row(SEEN, { sameMs: 100 })]))).toEqual(['kept']);
    expect(kinds(on([{ ...SEEN, isInFlight: true }], [row(SEEN)]))).toEqual(['kept']);
  });
  it('begins anew with what has moved, but for a balance that each look has seen move for a minute', () => {
    const after = (seenMs: number, more: Partial<KnownDifference> = {}, one = SEEN): Judgement =>
      on([{ ...one, fingerprint: '6' }], [row(one, { seenMs, ...more })]);
    expect(after(RECONCILE.movingMs - 1).changes).toMatchObject([{ kind: 'kept', isMoved: true, isLost: false }]);
    expect(kinds(after(RECONCILE.movingMs))).toEqual(['opened']);
    expect(after(RECONCILE.movingMs, { unseenMs: RECONCILE.idleUnseenMs }).changes).toMatchObject([{ kind: 'opened' }]);
    // Nobody has looked in between: it may have come only now.
    expect(after(3_600_000, { unseenMs: RECONCILE.idleUnseenMs + 1 }).changes).toMatchObject([{ kind: 'kept', isLost: true }]);
    expect(kinds(on([{ ...SEEN, fingerprint: '6', isInFlight: true }], [row(SEEN, { seenMs: 3_600_000 })]))).toEqual(['kept']);
    expect(kinds(after(3_600_000, {}, { ...SEEN, class: 'missingOrder' }))).toEqual(['kept']);
  });
  it('ends what is gone, by whoever did it', () => {
    expect(kinds(on([], [row(SEEN)]))).toEqual(['ended settled']);
    expect(kinds(on([], [row(REPAIRABLE, { repairs: 1 })]))).toEqual(['ended repaired']);
    expect(kinds(on([], [row(REPAIRABLE, { repairs: 2, failedRepairs: 1 })]))).toEqual(['ended repaired']);
    expect(kinds(on([], [row(REPAIRABLE, { repairs: 2, failedRepairs: 2 })]))).toEqual(['ended settled']);
    expect(kinds(on([], [row(SEEN, { status: 'decided', decision: 'cancel' })]))).toEqual(['ended closed']);
  });
  it('says nothing of what it could not see, and is not clean for it', () => {
    expect(on([], [row(SEEN)], false)).toMatchObject({ changes: [], isClean: false });
  });
  it('is clean where what it could not see is left by a person’s word', () => {
    const decided = (decision: KnownDifference['decision']): Judgement => on([], [row(SEEN, { status: 'decided', decision })], false);
    expect(decided('reject')).toMatchObject({ changes: [], isClean: true });
    expect(decided('adopt')).toMatchObject({ changes: [], isClean: false });
    expect(on([], [row(SEEN, { status: 'open', decision: 'reject' })], false)).toMatchObject({ isClean: false });
  });
  it('repairs again, until a person has to look', () => {
    expect(on([REPAIRABLE], [row(REPAIRABLE, { sameMs: RECONCILE.repairMs - 1 })])).toMatchObject({
      changes: [{ kind: 'kept' }],
      repairs: [{ class: 'missedFill' }],
    });
    expect(kinds(on([REPAIRABLE], [row(REPAIRABLE, { sameMs: RECONCILE.repairMs })]))).toEqual(['opened']);
  });
});

describe('a machine that slept', () => {
  const unseenMs = RECONCILE.unseenMs + 1;
  it.each([SEEN, REPAIRABLE])('has seen nothing meanwhile: the time of what stood before begins anew', (difference) => {
    const { changes, isUnsettled } = on([difference], [row(difference, { sameMs: 3_600_000, unseenMs })]);
    expect([changes, isUnsettled]).toMatchObject([[{ kind: 'kept', isMoved: true }], true]);
    expect(kinds(on([difference], [row(difference, { sameMs: 3_600_000, unseenMs: RECONCILE.unseenMs })]))).toEqual(['opened']);
  });
});

describe('a workflow that runs for nothing', () => {
  const idle: Difference = { ...SEEN, class: 'orphanedWorkflow', subject: 'signal:1' };
  const after = (sameMs: number, unseenMs: number): readonly string[] => kinds(on([idle], [row(idle, { sameMs, unseenMs })]));
  it('has the time to end by itself, right after a sleep as well, before it is a person’s', () => {
    expect(kinds(on([idle]))).toEqual(['new pending']);
    expect(after(RECONCILE.secondLookMs, 3_000)).toEqual(['kept']);
    expect(after(RECONCILE.idleSeenMs - 1, 55_000)).toEqual(['kept']);
    expect(after(RECONCILE.idleSeenMs, 55_000)).toEqual(['opened']);
  });
  it('begins anew where it was not seen from one minute to the next', () => {
    const { changes } = on([idle], [row(idle, { sameMs: 3_600_000, unseenMs: RECONCILE.idleUnseenMs + 1 })]);
    expect(changes).toMatchObject([{ kind: 'kept', isMoved: true }]);
  });
});

describe('what a person has decided', () => {
  const decided = (decision: KnownDifference['decision'], decidedMs = 0): KnownDifference =>
    row(ORPHAN, { status: 'decided', decision, decidedMs });
  it('to leave is clean as long as it stays so, and another case when it does not', () => {
    expect(on([ORPHAN], [decided('reject')])).toMatchObject({ isClean: true, isUnsettled: false, changes: [{ kind: 'kept' }] });
    expect(kinds(on([{ ...ORPHAN, fingerprint: '6' }], [decided('reject')]))).toEqual(['ended closed', 'new pending']);
  });
  it('to cancel is carried out until the venue shows it, and is a person’s again when that does not help', () => {
    expect(on([ORPHAN], [decided('cancel')])).toMatchObject({
      isClean: false,
      repairs: [{ repair: { kind: 'cancelOrder', instrument: 'BTC/USDT', clientOrderId: 'c' } }],
    });
    expect(kinds(on([ORPHAN], [decided('cancel', RECONCILE.repairMs)]))).toEqual(['opened']);
  });
  it('and booked is only remembered', () => {
    expect(on([], [row(ORPHAN, { status: 'closed', decision: 'book' })])).toMatchObject({ changes: [], isClean: true });
  });
  it('to book stays as it was then: what differs beside it is another case', () => {
    const booked = row({ ...ORPHAN, fingerprint: 'F1' }, { status: 'decided', decision: 'book', decidedMs: RECONCILE.repairMs });
    expect(on([{ ...ORPHAN, fingerprint: 'F2' }], [booked])).toMatchObject({
      changes: [
        { kind: 'ended', id: '7', outcome: 'closed', saw: { status: 'decided', decision: 'book' } },
        { kind: 'new', status: 'pending', difference: { fingerprint: 'F2' } },
      ],
      isClean: false,
    });
  });
  it('is told with each change as the look saw it', () => {
    expect(on([SEEN], [row(SEEN)]).changes).toMatchObject([{ kind: 'opened', saw: { status: 'pending', decision: null } }]);
    expect(on([], [decided('adopt')]).changes).toMatchObject([{ kind: 'ended', saw: { status: 'decided', decision: 'adopt' } }]);
  });
  it('is asked for once: nothing of ours decides in the meantime', () => {
    expect(on([ORPHAN], [row(ORPHAN, { status: 'open' })])).toMatchObject({ changes: [{ kind: 'kept' }], repairs: [], isUnsettled: false });
  });
});

describe('hundreds of differences', () => {
  const many = (one: Difference, count: number): Difference[] =>
    Array.from({ length: count }, (_, n) => ({ ...one, subject: `${one.class} ${n}`, eventTime: 1_000 - n }));
  it('are begun so many at a time: those that pause the account first, then the oldest', () => {
    const judged = on([...many(REPAIRABLE, 200), ...many(ORPHAN, 20)]);
    expect(judged.changes).toHaveLength(RECONCILE.mostBegun);
    expect(kinds(judged).filter((kind) => kind === 'new open')).toHaveLength(20);
    const times = judged.changes.flatMap((change) =>
      change.kind === 'new' && change.status === 'pending' ? [change.difference.eventTime ?? 0] : [],
    );
    expect(Math.max(...times)).toBe(1_000 - 200 + RECONCILE.mostBegun - 20);
    expect(judged).toMatchObject({ isClean: false, isUnsettled: true, isWhole: false });
    expect(on(many(ORPHAN, RECONCILE.mostBegun)).isWhole).toBe(true);
    // What has a row is not lost, whoever it waits for.
    const rows = many(SEEN, 120).map((one, index) => row(one, { id: String(index) }));
    expect(on(many(SEEN, 120), rows)).toMatchObject({ isUnsettled: true, isWhole: true });
  });
  it('are all taken up in the end', () => {
    const all = [...many(SEEN, 120), ...many(ORPHAN, 120)];
    let rows: KnownDifference[] = [];
    let looks = 0;
    for (; looks < 20 && rows.filter(({ status }) => status === 'open').length < all.length; looks += 1) {
      for (const change of on(all, rows).changes) {
        if (change.kind === 'new') rows.push(row(change.difference, { id: String(rows.length + 1), status: change.status }));
        else rows = rows.map((one) => (one.id === change.id && change.kind === 'opened' ? { ...one, status: 'open' } : one));
      }
    }
    expect(looks).toBeLessThan(12);
    expect(on(all, rows)).toMatchObject({ isClean: false, isUnsettled: false });
  });
});

describe('repairs', () => {
  const subjects = ({ repairs }: Judgement): readonly string[] => repairs.map(({ subject }) => subject);
  const numbered = (count: number): readonly Difference[] =>
    Array.from({ length: count }, (_, index) => ({ ...REPAIRABLE, subject: `fill:${index}` }));

  it('are so many in one look; another look takes the rest', () => {
    const judged = on(numbered(45));
    expect(subjects(judged)).toHaveLength(RECONCILE.mostRepairs);
    expect(judged).toMatchObject({ isClean: false, isUnsettled: true });
  });
  it('are all tried in turn: what does not help keeps nothing waiting, and a person’s decision goes first', () => {
    const all = numbered(45);
    let rows = all.map((one, index) => row(one, { id: String(index), sameMs: 0 }));
    const tried = new Set<string>();
    for (let looks = 0; looks < 3; looks += 1) {
      const done = subjects(on(all, rows));
      for (const subject of done) tried.add(subject);
      rows = rows.map((one) => (done.includes(one.subject) ? { ...one, repairs: one.repairs + 1 } : one));
    }
    expect(tried.size).toBe(all.length);
    const decided = row({ ...ORPHAN, subject: 'order:x' }, { id: 'x', status: 'decided', decision: 'cancel', repairs: 9, decidedMs: 0 });
    expect(subjects(on([...all, { ...ORPHAN, subject: 'order:x' }], [...rows, decided]))[0]).toBe('order:x');
  });
  it('are only of what has a row: what a look leaves out it does not repair either', () => {
    const judged = on(numbered(80));
    const begun = new Set(judged.changes.flatMap((change) => (change.kind === 'new' ? [change.difference.subject] : [])));
    expect(begun.size).toBe(RECONCILE.mostBegun);
    expect(subjects(judged).every((subject) => begun.has(subject))).toBe(true);
  });
});

describe('P16: what is read', () => {
  const at = { cursor: 1_000_000_000, venueTime: 1_000_060_000, onboardedTime: 0 };
  it('overlaps with what was read before, however long ago that was', () => {
    expect(fillsFrom('minute', at)).toBe(1_000_000_000 - 600_000);
    expect(fillsFrom('minute', { ...at, venueTime: 9_000_000_000 })).toBe(1_000_000_000 - 600_000);
    expect(fillsFrom('hour', at)).toBeLessThan(fillsFrom('minute', at));
    expect(fillsFrom('day', at)).toBeLessThan(fillsFrom('hour', at));
  });
  it('is read again, by the cheapest look as well, where something was left out', () => {
    for (const cursor of [undefined, at.cursor, at.cursor - 3_600_000, at.venueTime + 5_000]) {
      for (const scope of RECONCILE_SCOPES) {
        for (const onboardedTime of [0, at.venueTime - 60_000]) {
          const fillsSince = fillsFrom(scope, { ...at, cursor, onboardedTime });
          const after = cursorAfter({ fillsSince, venueTime: at.venueTime }, false);
          const next = { cursor: after, venueTime: at.venueTime + 3_000, onboardedTime };
          expect(fillsFrom('minute', next)).toBe(fillsSince);
          expect(cursorAfter({ fillsSince, venueTime: at.venueTime }, true)).toBe(at.venueTime);
        }
      }
    }
  });
  it('is nothing from before the account was ours', () => {
    expect(fillsFrom('day', { ...at, onboardedTime: 999_999_999 })).toBe(999_999_999 - 600_000);
  });
  it('asks the books against themselves only in full', () => {
    expect((['minute', 'rearm', 'demand', 'hour', 'day', 'deepDemand'] as const).map(depthOf)).toEqual([
      ...['ordinary', 'ordinary', 'ordinary', 'deep', 'full', 'full'],
    ]);
  });
});
