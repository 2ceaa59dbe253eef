import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { expect, it } from 'vitest';
import { cpuMsOf } from './cpu.js';

it.skipIf(!existsSync('/proc/self/stat'))('counts what has ended meanwhile', () => {
  const [before = 0] = cpuMsOf([process.pid]);
  const busy = 'const { user } = process.cpuUsage(); while (process.cpuUsage().user - user < 300_000);';
  const { status } = spawnSync(process.execPath, ['-e', busy]);
  const [after = 0] = cpuMsOf([process.pid]);
  expect(status).toBe(0);
  expect(after - before).toBeGreaterThanOrEqual(250);
});
