import { describe, expect, it, vi } from 'vitest';
import { KeelsonError } from '../../core/errors.js';
import { Beginnings } from './beginnings.js';

const grpc = (code: number): Error => Object.assign(new Error('of gRPC'), { code, details: '', metadata: {} });
const ofTemporal = (code: number): Error =>
  new KeelsonError('INFRA_TEMPORAL', { detail: 'none' }, { cause: new Error('call', { cause: grpc(code) }) });
const ofDatabase = new KeelsonError('INFRA_DATABASE', { detail: 'gone' });
const tooSlow = new KeelsonError('INFRA_DATABASE', { detail: 'slow' }, { cause: Object.assign(new Error('canceled'), { code: '57014' }) });
const [UNAVAILABLE, DENIED] = [14, 7];

/** Fails so often, each time otherwise, and is begun then. */
const failing = (...failures: readonly Error[]) => {
  const left = [...failures];
  return vi.fn<() => Promise<void>>(async () => {
    const failed = left.shift();
    if (failed !== undefined) throw failed;
  });
};
const opened = (stepMs = 0, tells: () => Promise<void> = async () => undefined) => {
  const [errors, warnings, told, ended]: [object[], object[], unknown[], unknown[]] = [[], [], [], []];
  let now = 1_000;
  const beginnings = new Beginnings({
    store: {
      tell: async (...of) => (told.push(of), tells()),
      end: async (of) => void ended.push(of),
    },
    who: 'guardian 1',
    clock: () => (now += stepMs) - stepMs,
    log: { error: (data: object) => errors.push(data), warn: (data: object) => warnings.push(data) },
    againMs: 1,
  });
  return { errors, warnings, told, ended, beginnings };
};

describe('what Temporal has to run', () => {
  it('is tried again where it does not answer, whatever comes then, until it is begun', async () => {
    const { errors, warnings, beginnings } = opened();
    const work = failing(ofTemporal(UNAVAILABLE), ofDatabase, ofTemporal(DENIED));
    await beginnings.begin('main', work);
    await vi.waitFor(() => expect(warnings).toEqual([{ what: 'main' }]));
    expect(work).toHaveBeenCalledTimes(4);
    expect(errors).toEqual(Array(3).fill(expect.objectContaining({ code: 'INFRA_TEMPORAL', what: 'main' })));
  });

  it('is tried again where the database does not answer in time, too: a guardian that ends halts nothing', async () => {
    const { errors, warnings, beginnings } = opened();
    await beginnings.begin('main', failing(tooSlow));
    await vi.waitFor(() => expect(warnings).toEqual([{ what: 'main' }]));
    expect(errors).toEqual([expect.objectContaining({ code: 'INFRA_DATABASE', what: 'main' })]);
  });

  it('people are told once when it was not begun for a minute, and that it is begun is written down', async () => {
    const { told, ended, beginnings } = opened(25_000);
    const away = ofTemporal(UNAVAILABLE);
    await beginnings.begin('main', failing(away, away, away, away, away), 'main');
    const of = { who: 'guardian 1', what: 'main', account: 'main' };
    await vi.waitFor(() => expect(ended).toEqual([of]));
    expect(told).toEqual([[of, 1_000, away.message]]);
    await beginnings.begin('the schedules', failing());
    expect(ended.at(-1)).toEqual({ who: 'guardian 1', what: 'the schedules', account: null });
    expect(told).toHaveLength(1);
  });

  it('whoever cannot be told is told with the next try, and it is tried on', async () => {
    const { told, ended, beginnings } = opened(60_000, failing(ofDatabase));
    await beginnings.begin('main', failing(...Array<Error>(4).fill(ofTemporal(UNAVAILABLE))));
    await vi.waitFor(() => expect(ended).toHaveLength(1));
    expect(told).toHaveLength(2);
  });

  it.each([
    ['the database fails', ofDatabase],
    ['Temporal answers that it may not', ofTemporal(DENIED)],
    ['something is wrong with us', new Error('invariant')],
  ])('is not begun at all where %s', async (_, failed) => {
    const { errors, beginnings } = opened();
    await expect(beginnings.begin('main', failing(failed))).rejects.toBe(failed);
    expect(errors).toEqual([]);
  });

  it('is tried no more when it is closed, nor said of then', async () => {
    const { errors, beginnings } = opened();
    let fails: (error: Error) => void = () => undefined;
    const second = vi.fn<() => Promise<void>>(() => new Promise<void>((_, reject) => (fails = reject)));
    const work = vi.fn<() => Promise<void>>().mockRejectedValueOnce(ofTemporal(UNAVAILABLE)).mockImplementation(second);
    await beginnings.begin('main', work);
    await vi.waitFor(() => expect(second).toHaveBeenCalledOnce());
    beginnings.close();
    fails(ofTemporal(UNAVAILABLE));
    await new Promise((resolve) => setImmediate(resolve));
    expect([work.mock.calls.length, errors.length]).toEqual([2, 1]);
  });
});
