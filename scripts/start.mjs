#!/usr/bin/env node
import { become } from './bootstrap/become.mjs';
import { prepare } from './bootstrap/prepare.mjs';

/** `npm start`: prepares the clone, then becomes the supervisor. */
const args = process.argv.slice(2);
await prepare(args.includes('--json') ? 'json' : 'text');
await become('launcher/main.js', args);
