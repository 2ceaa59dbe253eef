import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';

const FOLDER = new URL('.', import.meta.url).pathname;

/**
 * Whatever a running workflow takes from outside, and why a raw message with anything in it does no harm. `row`: it names rows that
 * people made under their own credentials, and says nothing else; the test beside it sends one without such a row. `look`: it carries
 * nothing, and makes the workflow look at the rows. `order`: it asks for a sale, which the gate lets through only for what is held.
 */
const MESSAGES: Readonly<Record<string, { readonly proof: 'row'; readonly test: string; readonly title: string } | 'look' | 'order'>> = {
  pause: { proof: 'row', test: 'trading-control/trading-control.int.test.ts', title: 'a raw update changes nothing' },
  resume: {
    proof: 'row',
    test: 'trading-control/trading-control.int.test.ts',
    title: 'a raw update ends it neither before nor with names in it',
  },
  mode: { proof: 'row', test: 'trading-control/trading-control.int.test.ts', title: 'a raw update changes nothing' },
  rearm: { proof: 'row', test: 'kill-switch/kill-switch.int.test.ts', title: 'a message without the rows of two people ends nothing' },
  command: { proof: 'row', test: 'operations/runbook/runbook.int.test.ts', title: 'a signature is a person’s' },
  changed: 'look',
  decided: 'look',
  haltChanged: 'look',
  positionChanged: 'look',
  exit: 'order',
};
/** What a message that is proven by rows may say. */
const IDS = /^(commandId|latchId|requestId)$/;

const sources = readdirSync(FOLDER, { recursive: true, encoding: 'utf8' })
  .filter((file) => file.endsWith('.ts') && !file.endsWith('.test.ts'))
  .map((file) => readFileSync(join(FOLDER, file), 'utf8'));
const all = (pattern: RegExp) => sources.flatMap((text) => [...text.matchAll(pattern)].map((match) => ({ text, match })));

it('every message to a workflow is in the table', () => {
  const defined = all(/define(?:Update|Signal)(?:<[^;]*?>)?\('(\w+)'\)/g).map(({ match }) => match[1] ?? '');
  expect(new Set(defined)).toEqual(new Set(Object.keys(MESSAGES)));
  const handled = all(/setHandler\((\w+(?:Update|Signal)),/g).map(({ match }) => match[1] ?? '');
  const named = all(/export const (\w+(?:Update|Signal)) = define/g).map(({ match }) => match[1] ?? '');
  expect(new Set(handled)).toEqual(new Set(named));
});

it.each(Object.entries(MESSAGES))('%s: what it says is proven, or nothing', (name, how) => {
  const [found] = all(new RegExp(`define(?:Update|Signal)(<[^;]*?>)?\\('${name}'\\)`, 'g'));
  if (how === 'look') return expect(found?.match[1]).toBeUndefined();
  if (how === 'order') return;
  const type = /\[(\w+)\]>$/.exec(found?.match[1] ?? '')?.[1] ?? '';
  const body = new RegExp(`interface ${type} \\{([^}]*)\\}`).exec(found?.text ?? '')?.[1] ?? '';
  const fields = [...body.matchAll(/readonly (\w+)\??:/g)].map((match) => match[1] ?? '');
  expect(fields.length).toBeGreaterThan(0);
  expect(fields.filter((field) => !IDS.test(field))).toEqual([]);
  expect(readFileSync(join(FOLDER, how.test), 'utf8')).toContain(how.title);
});
