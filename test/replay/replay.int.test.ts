import { DeterminismViolationError } from '@temporalio/workflow';
import { Worker, type WorkflowBundle } from '@temporalio/worker';
import { beforeAll, describe, expect, it } from 'vitest';
import * as workflows from '../../workflows/index.js';
import { SIGNAL_FORM } from '../../workflows/names.js';
import { bundleEdited, type Edit } from '../support/edited-bundle.js';
import { workflowBundle } from '../support/trading-stack.js';
import { storedHistories } from './histories.js';
import { PATHS } from './paths.js';

const stored = storedHistories();
const pathOf = (name: string): string => name.slice(name.lastIndexOf('/') + 1);

/** What went wrong with each, by its name. One worker takes them all: to begin one for each takes longer than to replay it. */
async function errorsOf(bundle: WorkflowBundle, histories: typeof stored): Promise<ReadonlyMap<string, Error | undefined>> {
  const named = histories.map(({ history, name }) => ({ history, workflowId: name }));
  const errors = new Map<string, Error | undefined>();
  for await (const { workflowId, error } of Worker.runReplayHistories({ workflowBundle: bundle }, named)) errors.set(workflowId, error);
  return errors;
}

describe('the present workflows continue what older ones began', () => {
  let errors: ReadonlyMap<string, Error | undefined>;
  beforeAll(async () => {
    errors = await errorsOf(await workflowBundle(), stored);
  });

  it.each(stored)('$workflowType replays $name', ({ name }) => {
    const error = errors.get(name);
    if (error !== undefined) throw error;
    expect([...errors.keys()]).toContain(name);
  });

  it('a run that this build began, and an older one took first, goes on', async () => {
    const filled = stored.find(({ name }) => name === '0.2.0/signalToOrder.filled');
    const started = filled?.history.events?.[0]?.workflowExecutionStartedEventAttributes;
    const signal = started?.input?.payloads?.[0];
    if (filled === undefined || signal === undefined) throw new Error('no stored history of signalToOrder.filled');
    // The older build took the marker of its patch, and read nothing of what it was told.
    started?.input?.payloads?.push({ ...signal, data: Buffer.from(JSON.stringify(SIGNAL_FORM)) });
    await Worker.runReplayHistory({ workflowBundle: await workflowBundle() }, filled.history, filled.name);
    started?.input?.payloads?.pop();
  });

  it('there is a history of each path of each workflow', () => {
    const names = new Set(stored.map(({ name }) => pathOf(name)));
    expect(PATHS.filter((path) => !names.has(path))).toEqual([]);
    expect(new Set(stored.map((one) => one.workflowType))).toEqual(new Set(Object.keys(workflows)));
  });

  it('no history tells of the machine it was recorded on', () => {
    const text = JSON.stringify(stored.map(({ history }) => history));
    expect(text).not.toContain('stackTrace":"');
    const { events = [] } = stored[0]?.history ?? {};
    expect(events?.[0]?.workflowExecutionStartedEventAttributes?.identity).toBe('starter');
  });
});

describe('an incompatible edit of a workflow is caught', () => {
  const file = 'workflows/signal-to-order/before-owners.ts';
  const filled = stored.find(({ name }) => name === '0.1.0/signalToOrder.filled');
  const replayEdited = async (...edits: Edit[]): Promise<void> => {
    if (filled === undefined) throw new Error('no stored history of signalToOrder.filled');
    const error = (await errorsOf(await bundleEdited(file, edits), [filled])).get(filled.name);
    if (error !== undefined) throw error;
  };
  const AUTHORISE = 'const authorisation = await authorise(signal)';
  const SUBMIT = 'const submission = await submit(intentId, signal.account)';
  const MORE = `await record(intentId, { kind: 'settled', status: 'authorised' });`;

  it.each<[string, Edit]>([
    ['a step missing', ['await record(intentId, submission)', 'undefined']],
    ['submit before authorise', [AUTHORISE, `await submit(intentId, signal.account); ${AUTHORISE}`]],
    ['a step more', [SUBMIT, `${MORE} ${SUBMIT}`]],
  ])('%s', async (_, edit) => {
    await expect(replayEdited(edit)).rejects.toThrow(DeterminismViolationError);
  });

  it('a step more behind a patch is no violation', async () => {
    const edits: Edit[] = [
      ['import { log,', 'import { patched, log,'],
      [SUBMIT, `if (patched('more')) ${MORE} ${SUBMIT}`],
    ];
    await expect(replayEdited(...edits)).resolves.toBeUndefined();
  });
});
