#!/usr/bin/env node
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { ROOT, inRoot } from './bootstrap/paths.mjs';
import { findSecrets } from './quality/secrets.mjs';

/** Looks for secrets in what is about to be committed (`--staged`) or in every file that git would take. */
const staged = process.argv.includes('--staged');
const git = (...args) => spawnSync('git', args, { cwd: ROOT, encoding: 'utf8', maxBuffer: 64 * 1024 * 1024 });

function listFiles() {
  const listed = staged
    ? git('diff', '--cached', '--name-only', '--diff-filter=ACMR', '-z')
    : git('ls-files', '--cached', '--others', '--exclude-standard', '-z');
  if (listed.status !== 0) {
    process.stderr.write(`git cannot list the files: ${listed.stderr || listed.error?.message}\n`);
    process.exit(1);
  }
  return listed.stdout.split('\0').filter((file) => file !== '');
}

function read(file) {
  if (staged) return git('show', `:${file}`).stdout;
  try {
    return readFileSync(inRoot(file), 'utf8');
  } catch {
    return '';
  }
}

const files = listFiles();
const found = files.flatMap((file) => findSecrets(file, read(file)));
for (const { file, line, what } of found) process.stdout.write(`${file}:${line} looks like ${what}\n`);
if (found.length > 0) {
  process.stdout.write('Take it out (and change it, if it was real). If it is none, end the line with the comment: not-a-secret\n');
  process.exitCode = 1;
} else if (!staged) process.stdout.write(`no secrets in ${files.length} files\n`);
