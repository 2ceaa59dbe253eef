#!/usr/bin/env node
import { become } from './bootstrap/become.mjs';
import { prepare } from './bootstrap/prepare.mjs';

/** `npx keelson …`: prepares the clone when it must (told on standard error), then becomes the command line. */
await prepare('quiet');
await become('cli/main.js', process.argv.slice(2));
