import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, expect, test } from 'vitest';

const PROGRAM = fileURLToPath(new URL('../dist/exchange/main.js', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'paper-main-'));

afterAll(() => rmSync(folder, { recursive: true }));

interface Ended {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

/** Runs the venue until it ends; standard input closes when the text has been printed. */
async function run(flags: readonly string[], closeInputAfter?: string): Promise<Ended> {
  const child = spawn(process.execPath, [PROGRAM, ...flags], { stdio: 'pipe' });
  let [out, err] = ['', ''];
  child.stdout.on('data', (data) => {
    out += String(data);
    if (closeInputAfter !== undefined && out.includes(closeInputAfter)) child.stdin.end();
  });
  child.stderr.on('data', (data) => (err += String(data)));
  const [code] = (await once(child, 'close')) as [number | null];
  return { code, out, err };
}

test('it says where it listens and what it plays, and ends with its input', async () => {
  const file = join(folder, 'prices.csv');
  const rows = Array.from(
    { length: 30 },
    (_, day) => `2020-01-${String(day + 1).padStart(2, '0')},${100 + day},${103 + day},${98 + day},${101 + day},5`,
  );
  writeFileSync(file, `Date,Open,High,Low,Close,Volume\n${rows.join('\n')}\n`);
  const flags = ['--json', '--exit-with-stdin', '--data', `${file}@ABC/USDT:2020-01-10..2020-01-20`, '--simulate', 'XYZ/USDT@3:10,0.001'];
  const { code, out } = await run(flags, 'listening');
  expect(code).toBe(0);
  const [listening, stopped] = out.trim().split('\n').map((line) => JSON.parse(line) as Record<string, unknown>); // prettier-ignore
  expect(listening).toMatchObject({
    event: 'listening',
    rest: expect.stringMatching(/^http:\/\/127\.0\.0\.1:\d+$/) as string,
    instruments: [
      { instrument: 'ABC/USDT', prices: 'recorded', source: 'prices.csv' },
      { instrument: 'XYZ/USDT', prices: 'simulated' },
    ],
  });
  expect(stopped).toEqual({ event: 'stopped' });
});

test.each<[string, readonly string[], number, RegExp]>([
  ['help', ['--help'], 0, /--journal FILE/],
  ['unknown flags', ['--nothing', '--port', 'x'], 2, /unknown flag "--nothing"[^]*--port: a whole number/],
  ['a file that is not there', ['--data', join(folder, 'none.csv@ABC/USDT')], 78, /no prices to play: .*none\.csv/],
  [
    'a folder for a journal that is not there',
    ['--simulate', 'A1/USDT@1', '--journal', join(folder, 'no', 'j.jsonl')],
    78,
    /the venue cannot start/,
  ],
  ['no journal to check', ['--check-journal', join(folder, 'none.jsonl')], 78, /no such journal/],
])('%s: said clearly, with its exit code', async (_, flags, code, text) => {
  const ended = await run(flags);
  expect(ended.code).toBe(code);
  expect(ended.out + ended.err).toMatch(text);
  expect(ended.err).not.toMatch(/\n\s+at /);
});

test('a file without prices, and a name that does not say the instrument', async () => {
  const wrong = join(folder, 'wrong.csv');
  writeFileSync(wrong, 'a,b\n1,2\n');
  expect(await run(['--data', wrong])).toMatchObject({ code: 78, err: expect.stringContaining('the header must have') as string });
  const nameless = join(folder, 'nameless.json');
  writeFileSync(
    nameless,
    JSON.stringify({ candles: [1, 2, 3].map((start) => ({ start: `${start}`, open: '1', high: '1', low: '1', close: '1', volume: '1' })) }),
  );
  expect(await run(['--data', nameless])).toMatchObject({
    code: 78,
    err: expect.stringContaining('does not say the instrument') as string,
  });
});
