import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { ACTIONS } from '../core/people/actions.js';
import { IDLE_CONTEXT } from '../test/support/idle-context.js';
import { allRoutes } from './routes/all.js';

const root = new URL('..', import.meta.url).pathname;

test('docs/reference/api.md lists every route with who may call it', () => {
  const routes = allRoutes(IDLE_CONTEXT);
  const rows = routes.map(({ method, path, access, summary, query, body }) => {
    const who = access === 'everyone' ? 'everyone, without a key' : access === 'read' ? 'any key' : ACTIONS[access].join(', ');
    const input = Object.keys((query ?? body)?.shape ?? {});
    return `| \`${method} ${path}\` | ${who} | ${input.map((name) => `\`${name}\``).join(', ') || '–'} | ${summary} |`;
  });
  const page = readFileSync(`${root}docs/reference/api.md`, 'utf8');
  expect(page.split('\n').filter((line) => /^\| `(GET|POST) /.test(line))).toEqual(rows);
});
