import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { Steps } from '../screen/steps.js';
import { assertRunsReplay } from './replay-gate.js';

const TEMPORAL = { env: process.env, address: '127.0.0.1:1', namespace: 'one', origin: 'external' } as const;
let root: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'keelson-gate-'));
  await mkdir(join(root, 'dist', 'workers'), { recursive: true });
  await writeFile(join(root, 'dist', 'workflow-bundle.js'), 'workflows');
  await writeFile(join(root, 'package.json'), '{"type": "module"}');
});
afterEach(() => rm(root, { recursive: true, force: true }));

/** The gate of a build that consists of this program. */
const gate = async (
  program: string,
  { temporal = TEMPORAL, limitMs = 60_000 }: { readonly temporal?: Parameters<typeof assertRunsReplay>[1]; readonly limitMs?: number } = {},
): Promise<void> => {
  await writeFile(join(root, 'dist', 'workers', 'replay-gate.js'), program);
  const steps = new Steps({ show: () => undefined }, Date.now);
  const context = { steps, root, signal: new AbortController().signal, paths: { replayedBuild: join(root, 'replayed-build') } };
  return assertRunsReplay(context, temporal, limitMs);
};
const refusal = (detail: string) => ({ failure: { code: 'INFRA_REPLAY', values: { detail: expect.stringContaining(detail) as string } } });
const FINE = `process.stdout.write('{"runs": 1, "failed": []}')`;

it('a gate that fails, or has no end, is no gate that was passed: it has a code, and is asked again', async () => {
  await expect(gate(`throw new Error('the server is away')`)).rejects.toMatchObject(refusal('the server is away'));
  await expect(gate(`process.stdout.write('nonsense')`)).rejects.toMatchObject(refusal('nonsense'));
  await expect(gate(`setInterval(() => undefined, 1_000)`, { limitMs: 500 })).rejects.toMatchObject(refusal('not done within 0.5 s'));
  await expect(readFile(join(root, 'replayed-build'), 'utf8')).rejects.toThrow('ENOENT');
  await gate(FINE);
});

it('may find thousands of runs that do not go on, and names the first', async () => {
  const program = `const failed = Array.from({ length: 20_000 }, (_, n) => ({ workflowId: 'signal:' + n, reason: 'x'.repeat(200) }));
    process.stdout.write(JSON.stringify({ runs: 30_000, failed }));`;
  await expect(gate(program)).rejects.toMatchObject({
    failure: { code: 'CONFIG_WORKFLOWS_DIFFER', values: { count: 30_000, failed: 20_000, back: '' } },
  });
});

it('says what has to be done first where a newer Temporal server has opened the file of the one before', async () => {
  const temporal = { ...TEMPORAL, origin: 'own', copy: '/home/temporal/written_by_1.32.1' } as const;
  const failing = `process.stdout.write('{"runs": 1, "failed": [{"workflowId": "signal:1", "reason": "differs"}]}')`;
  const told =
    /start the build that ran here before \(a newer Temporal server .* run `npx keelson restore temporal` here first.* what is in \/home\/temporal\/written_by_1\.32\.1\), which/;
  await expect(gate(failing, { temporal })).rejects.toThrow(told);
  await expect(gate(`throw new Error('the server is away')`, { temporal })).rejects.toThrow('written_by_1.32.1');
});

it('is asked once for a build, and again where the runs are of another namespace or server', async () => {
  const never = `throw new Error('asked again')`;
  await gate(FINE);
  await gate(never);
  for (const other of [{ namespace: 'two' }, { address: '127.0.0.1:2' }]) {
    const temporal = { ...TEMPORAL, ...other };
    await expect(gate(never, { temporal })).rejects.toMatchObject(refusal('asked again'));
    await gate(FINE, { temporal });
    await gate(never, { temporal });
  }
  await writeFile(join(root, 'dist', 'workflow-bundle.js'), 'other workflows');
  await expect(gate(never)).rejects.toMatchObject(refusal('asked again'));
});
