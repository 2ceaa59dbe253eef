#!/usr/bin/env node
import { become } from './bootstrap/become.mjs';
import { prepare } from './bootstrap/prepare.mjs';

/** `node scripts/run.mjs exchange/main.js …`: prepares the clone, then becomes that compiled program. */
const [target, ...args] = process.argv.slice(2);
if (!target) {
  process.stderr.write('usage: node scripts/run.mjs <path below dist/> [arguments]\n');
  process.exit(2);
}
await prepare('quiet');
await become(target, args);
