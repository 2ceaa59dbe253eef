#!/usr/bin/env node
import { prepare } from './bootstrap/prepare.mjs';

/** `npm run build`: packages, dist/ and the bundle of the workflows, as far as they are not current. */
await prepare('text');
process.stdout.write('dist/ is current.\n');
