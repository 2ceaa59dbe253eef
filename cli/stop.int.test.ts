import { describe, expect, it } from 'vitest';
import { keelsonBefore, type Said } from '../test/support/stub-api.js';
import { EXIT } from './exit.js';
import { nextStart } from './shutdown.js';

/** `keelson stop`, where the shutdown of the only account has come to this. */
function stop(run: object, quiet: object | null | undefined, ...more: readonly string[]): Promise<Said> {
  const parts = [
    { step: 1, name: 'report', part: 'verification', output: { openOrders: [], positions: [] } },
    ...(quiet === undefined ? [] : [{ step: 2, name: 'quiet', part: 'verification', output: quiet }]),
  ];
  return keelsonBefore(
    {
      'GET /v1/status': { accounts: [{ account: 'main', isRetired: false, mode: 'normal', latches: [] }] },
      'GET /v1/reconciliations': { differences: [] },
      'POST /v1/runbooks/run': { runId: 'id-1' },
      'GET /v1/runbooks/run': { run: { runId: 'id-1', status: 'completed', detail: null, endedTime: 1, ...run }, parts },
    },
    ...['stop', '--reason', 'a test', ...more],
  );
}

describe('keelson stop', () => {
  it('says that the processes may be stopped only where the shutdown has ended and its last step said so', async () => {
    const { exitCode, out } = await stop({}, { safeToStop: true });
    expect(exitCode).toBe(EXIT.done);
    expect(out).toContain('main: shut down (completed)');
    expect(out).toContain('its processes may be stopped now');
  });

  it.each([
    ['its last step says nothing', {}, {}],
    ['its last step has failed', { status: 'completedWithFailures', detail: 'order i1 is unknown' }, null],
    ['its last step was not reached', { status: 'preempted' }, undefined],
    ['it waits for a person', { status: 'waitingForPerson', endedTime: null }, undefined],
    ['it waits for another person’s approval', { status: 'waitingForApproval', endedTime: null }, undefined],
    ['it is not over, whatever a step has said', { status: 'paused', endedTime: null }, { safeToStop: true }],
  ])('stops nothing where %s', async (_, run, quiet) => {
    const { exitCode, out } = await stop(run, quiet);
    expect(exitCode).toBe(EXIT.refused);
    expect(out).toContain('main: NOT shut down');
    expect(out).toContain('Nothing was stopped.');
    expect(out).not.toContain('may be stopped now');
  });

  it.each([
    ['waits for a person', 'waitingForPerson', 'keelson runbooks retry id-1 2 '],
    ['was paused', 'paused', 'keelson runbooks resume id-1 '],
    ['waits for an approval', 'waitingForApproval', 'Another person has to approve it (keelson approvals); then it runs'],
    ['is at work when the time is over', 'running', 'keelson stop, said again, follows it'],
  ])('says how a shutdown that %s goes on', async (_, status, wayOn) => {
    const { out } = await stop({ status, detail: 'an entry is unknown', endedTime: null }, null, '--within', '1');
    expect(out).toContain(`main: NOT shut down (${status}: an entry is unknown). `);
    expect(out).toContain(wayOn);
  });

  it('follows the shutdown that is under way already, whoever has asked for it', async () => {
    const { exitCode, out, error } = await keelsonBefore(
      {
        'GET /v1/status': { accounts: [{ account: 'main', isRetired: false, mode: 'paused', latches: [] }] },
        'GET /v1/reconciliations': { differences: [] },
        'POST /v1/runbooks/run': { runId: 'of-olga', subject: 'olga', reason: 'maintenance' },
        'GET /v1/runbooks/run': {
          run: { runId: 'of-olga', status: 'completed', detail: null, endedTime: 1 },
          parts: [{ name: 'quiet', part: 'verification', output: { safeToStop: true } }],
        },
      },
      ...['stop', '--reason', 'a test'],
    );
    expect(error).toContain('main: is being shut down already, as olga has asked for (maintenance): this follows run of-olga.');
    expect([exitCode, out]).toEqual([EXIT.done, expect.stringContaining('main: shut down (completed)')]);
    expect(out).toContain('keelson runbooks show of-olga');
  });

  it('stops all the same with --anyway, and says that it is not shut down', async () => {
    const { exitCode, out } = await stop({ status: 'preempted' }, undefined, '--anyway');
    expect(exitCode).toBe(EXIT.done);
    expect(out).toContain('main: NOT shut down (preempted)');
    expect(out).toContain('may be stopped now');
  });
});

describe('keelson stop, while it waits', () => {
  const part = (step: number, name: string, outcome: string | null, detail: string | null = null): object => ({
    ...{ step, name, part: 'verification', attempt: 1, actor: 'g', outcome, detail, output: null },
  });

  it('says at its beginning what no comparison finds clean, then each step and what it has found', async () => {
    const { error } = await keelsonBefore(
      {
        'GET /v1/status': { accounts: [{ account: 'main', isRetired: false, mode: 'normal', latches: [] }] },
        'GET /v1/reconciliations': {
          differences: ['open', 'open', 'decided'].map((status) => ({ account: 'main', status })),
        },
        'POST /v1/runbooks/run': { runId: 'id-1' },
        'GET /v1/runbooks/run': {
          run: { status: 'completedWithFailures', detail: null, endedTime: 1 },
          plan: {
            steps: [
              { step: 1, title: 'Nothing is opened any more' },
              { step: 2, title: 'Venue and ledger agree' },
            ],
          },
          parts: [part(1, 'pause', 'done'), part(2, 'reconcile', 'failed', 'two differences'), part(2, 'report', 'done')],
        },
      },
      ...['stop', '--reason', 'a test'],
    );
    expect(error).toMatch(/^main: 2 differences wait for a person \(keelson reconcile list\)/);
    expect(error).toContain('keelson runbooks abort id-1 --reason …');
    expect(error.split('\n').slice(2)).toEqual([
      'main: step 1 of 2: Nothing is opened any more',
      'main: step 2 of 2: Venue and ledger agree',
      'main: step 2: two differences',
      '',
    ]);
  });
});

describe('keelson stop, under a halt', () => {
  const latch = { latchId: 'l-1', scope: 'everything', scopeValue: '', subject: 'rik', reason: 'a drill' };
  /** Nothing answers a run that is begun: under a halt there is none. */
  const stopUnder = (halts: readonly object[], mode = 'killed'): Promise<Said> =>
    keelsonBefore(
      { 'GET /v1/status': { accounts: [{ account: 'main', isRetired: false, mode, latches: [latch] }] }, 'GET /v1/halts': { halts } },
      ...['stop', '--reason', 'night'],
    );
  const halt = (phase: string, scope = 'everything'): object => ({
    ...latch,
    scope,
    accounts: [{ account: 'main', phase, unverified: phase === 'verified' ? [] : ['order i1 is unknown'], evidence: { path: 'a-file' } }],
  });

  it('that is verified stops without a shutdown, which could only be ended by the halt', async () => {
    const { exitCode, out } = await stopUnder([halt('verified'), halt('waiting', 'strategy')]);
    expect(exitCode).toBe(EXIT.done);
    expect(out).toContain('main: may be stopped (halted: verified');
    expect(out).toContain('a-file');
    expect(out).toContain('its processes may be stopped now');
    expect(out).not.toContain('stop once keelson halts says verified');
  });

  it.each([
    ['is not verified', [halt('running')], 'not verified yet: order i1 is unknown'],
    ['is verified, beside another that is not', [halt('verified'), halt('waiting')], 'not verified yet'],
    ['has ended meanwhile', [], 'say it again'],
  ])('that %s stops nothing', async (_, halts, why) => {
    const { exitCode, out } = await stopUnder(halts);
    expect(exitCode).toBe(EXIT.refused);
    expect(out).toMatch(/main: may NOT be stopped \(halted/);
    expect(out).toContain(why);
    expect(out).toContain('Nothing was stopped.');
  });
});

describe('what the next start makes of the accounts', () => {
  const held = { runId: 'r', runbook: 'gracefulShutdown' as const, mode: 'paused', was: 'normal' };
  it('is that they go on, where only the shutdown holds them', () => {
    expect(nextStart([{ account: 'main', mode: 'paused', heldByRunbook: held }])).toContain('lets it go on');
  });

  it.each([
    ['a halt', { mode: 'killed' }, 'two people end the halt'],
    ['what a comparison has found', { mode: 'paused', heldByRunbook: held, pausedFor: 'two differences' }, 'two differences'],
    ['a risk officer', { mode: 'paused', heldBy: { subject: 'tess', reason: 'a spread' } }, 'paused by tess'],
    ['a pause of before', { mode: 'paused', heldByRunbook: { ...held, was: 'paused' } }, 'in mode paused'],
  ] as const)('is not that, where %s keeps them', (_, account, why) => {
    const text = nextStart([{ account: 'main', ...account }]);
    expect(text).not.toContain('lets it go on');
    expect(text).toContain(`main: `);
    expect(text).toContain(why);
  });
});
