import { Worker, type WorkflowBundle } from '@temporalio/worker';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, it } from 'vitest';
import { bundleWith, type Edit } from '../support/edited-bundle.js';
import { patchesOf, storedHistories } from './histories.js';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const stored = storedHistories();
/** A busy machine takes its time to bundle. */
const LIMIT_MS = 300_000;

/**
 * Of each change behind a patch a history that was recorded without it, and comes by where it would be. What is named `beside` was recorded
 * by a build from which the patch alone was taken: a run that two builds have worked on in turn, while one replaced the other.
 */
const PASSED_BY: Readonly<Record<string, string>> = {
  owners: '0.1.0/signalToOrder.filled',
  looksOfEachHalt: 'beside-0.4.0/killSwitch.tightened',
  rearmEndsItself: '0.2.0/killSwitch.keptAndRefused',
  escapesRefused: '0.2.0/protectPosition.escapesRefused',
  exitsSentAway: '0.2.0/protectPosition.exitSentAway',
  verifiedBeforeEvidence: '0.3.0/killSwitch.flattened',
  toldBesideRounds: '0.6.0/killSwitch.flattened',
  haltWhileEnding: 'beside-0.9.0/killSwitch.haltedWhileEnding',
  guardedExitsPage: '0.3.0/protectPosition.exitGuarded',
  fullTriedAgain: '0.3.0/reconcileAccount.postponed',
  uncovered: 'beside-0.4.0/protectPosition.exitInParts',
  exitsInParts: 'beside-0.4.0/protectPosition.exitInParts',
};

/** An owner of 0.4 waits for an adopted sale; that one of now takes over, and replays, is shown with the older bundle (adopted-sale.int.test.ts). */
const SHOWN_BY_ITS_BUNDLE = ['adoptedWorks'];

interface Guard {
  readonly patch: string;
  readonly file: string;
}

/** Every `patched` that decides something in the workflows. */
const guards: Guard[] = readdirSync(join(ROOT, 'workflows'), { recursive: true, encoding: 'utf8' })
  .filter((file) => file.endsWith('.ts') && !file.endsWith('.test.ts'))
  .flatMap((name) => {
    const file = `workflows/${name}`;
    const source = readFileSync(join(ROOT, file), 'utf8');
    return [...new Set([...source.matchAll(/\bpatched\('(\w+)'\)/g)].map((match) => match[1] ?? ''))]
      .filter((patch) => !SHOWN_BY_ITS_BUNDLE.includes(patch))
      .map((patch) => ({ patch, file }));
  });

/** The workflows as they would be without that guard for a run of that name. */
function withoutGuards(): Promise<WorkflowBundle> {
  const editsOf: Record<string, Edit[]> = {};
  for (const { patch, file } of guards) {
    const edits = (editsOf[file] ??= [['patched,', 'patched, workflowInfo as infoOfRun,']]);
    const call = `patched('${patch}')`;
    // Where this one is only met, so that a marker has its like, nothing depends on it.
    const from = patch === 'owners' ? `!${call}` : call;
    edits.push([from, from.replace(call, `(infoOfRun().workflowId === '${patch}' || ${call})`)]);
  }
  return bundleWith(editsOf);
}

describe('what a patch guards', () => {
  let workflowBundle: WorkflowBundle;
  beforeAll(async () => {
    workflowBundle = await withoutGuards();
  }, LIMIT_MS);

  it('has a history that needs it', () => {
    expect(Object.keys(PASSED_BY).sort()).toEqual(guards.map(({ patch }) => patch).sort());
  });

  it.each(guards)('$patch: without the guard it does not replay, and with it it does', { timeout: LIMIT_MS }, async ({ patch }) => {
    const one = stored.find(({ name }) => name === PASSED_BY[patch]);
    if (one === undefined) throw new Error(`there is no history ${PASSED_BY[patch]}`);
    expect(patchesOf(one.history)).not.toContain(patch);
    await Worker.runReplayHistory({ workflowBundle }, one.history, 'as it is');
    // Of a code that takes other steps the kernel tells, or the code meets what it does not expect.
    await expect(Worker.runReplayHistory({ workflowBundle }, one.history, patch)).rejects.toThrow(/TMPRL1100|Replay failed|determinis/i);
  });
});
