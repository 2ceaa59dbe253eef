import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

/** The scripts are plain JavaScript, since they run before there is a compiler; here are the types of what is tested. */
const load = async <T>(file: string) => (await import(new URL(file, import.meta.url).href)) as T;
const { findSecrets, entropyBits } = await load<{
  findSecrets: (file: string, content: string) => { file: string; line: number; what: string }[];
  entropyBits: (text: string) => number;
}>('./secrets.mjs');
const { countTests, joined } = await load<{
  countTests: (report: object, folder?: string) => object;
  joined: (one: object, other: object) => object;
}>('./vitest.mjs');
interface TestedFile {
  name: string;
  status: string;
  assertionResults: { status: string; fullName: string }[];
}
const { worthTryingAgain, together } = await load<{
  worthTryingAgain: (report: { testResults: TestedFile[] }) => string[];
  together: (first: { testResults: TestedFile[] }, second: { testResults: TestedFile[] }) => { counts: object; unsteady: string[] };
}>('./second-try.mjs');
const { judgeCoverage } = await load<{
  judgeCoverage: (report: object, ran?: Map<string, Set<number>>) => { ok: boolean; detail: string };
}>('./coverage.mjs');
type Functions = readonly { ranges: { startOffset: number; endOffset: number; count: number }[] }[];
const { addRanLines, runCounts } = await load<{
  runCounts: (functions: Functions) => { at: (offset: number) => number };
  addRanLines: (ran: Map<string, Set<number>>, generated: { code: string; map: object; folder: string }, functions: Functions) => void;
}>('./ran-lines.mjs');
const { mappings } = await load<{ mappings: (map: { mappings: string }) => Iterable<object> }>('./source-map.mjs');

const ROOT = fileURLToPath(new URL('../../', import.meta.url));

describe('the secret scan', () => {
  const judge = (content: string, file = 'core/x.ts') => findSecrets(file, content).map(({ what }) => what);
  /** Put together here, so that the scan of this file finds nothing. */
  const random = ['q7Zt2LmX9v', 'Rk4Wb8NcYp', '3HsJ6dTgQa', 'Fe5U'].join('');

  it.each([
    [`-----BEGIN ${'PRIVATE'} KEY-----`, 'a private key'],
    [['AKIA', 'ABCDEFGHIJKLMNOP'].join(''), 'a cloud access key'],
    [`ghp_${random}ab`, 'a source host token'],
    [`api_key: "${random.slice(0, 20)}"`, 'a secret in the source'],
    [`const x = '${random}';`, 'a random key'],
    [`postgres://keelson:${random.slice(0, 12)}@127.0.0.1/x`, 'a password in an address'],
  ])('finds %s', (content, what) => expect(judge(content)).toEqual([what]));

  it.each([
    "const text = 'thisIsJustALongIdentifierWithoutAnyDigitsInside';",
    "hash: 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855'",
    "const token = 'Authorization';",
    'postgres://postgres:password@127.0.0.1:5432/keelson',
    'see https://example.org/a/b?c=d',
  ])('lets pass %s', (content) => expect(judge(content)).toEqual([]));

  it('names file and line, and obeys the mark', () => {
    expect(findSecrets('a.ts', `\nx = '${random}'`)).toEqual([{ file: 'a.ts', line: 2, what: 'a random key' }]);
    expect(judge(`x = '${random}' // not-a-secret`)).toEqual([]);
    expect(judge(`x = '${random}'`, 'package-lock.json')).toEqual([]);
  });

  it('knows order from chance', () => {
    expect(entropyBits('aaaaaaaa')).toBe(0);
    expect(entropyBits('abcdefgh')).toBe(3);
  });
});

describe('counting tests', () => {
  const report = {
    testResults: [
      {
        name: `${ROOT}core/a.test.ts`,
        status: 'failed',
        assertionResults: [{ status: 'passed' }, { status: 'failed' }, { status: 'pending' }],
      },
      { name: `${ROOT}test/tidy/b.test.ts`, status: 'passed', assertionResults: [{ status: 'passed' }, { status: 'todo' }] },
      { name: `${ROOT}core/broken.test.ts`, status: 'failed', assertionResults: [] },
    ],
  };
  it('counts a file that does not load as one failure', () => expect(countTests(report)).toEqual({ passed: 2, failed: 2, skipped: 2 }));
  it('counts one folder', () => expect(countTests(report, 'test/tidy/')).toEqual({ passed: 1, failed: 0, skipped: 1 }));
  it('counts nothing in nothing', () => expect(countTests({})).toEqual({ passed: 0, failed: 0, skipped: 0 }));
});

describe('a second try', () => {
  const file = (name: string, ...statuses: string[]): TestedFile => ({
    name: `${ROOT}${name}`,
    status: statuses.includes('failed') ? 'failed' : 'passed',
    assertionResults: statuses.map((status, index) => ({ status, fullName: `test ${index}` })),
  });
  const server = file('api/a.int.test.ts', 'passed', 'failed');
  const names = (...files: TestedFile[]) => worthTryingAgain({ testResults: files }).map((name) => name.slice(ROOT.length));

  it('is for a test on real servers', () => expect(names(server, file('core/b.test.ts', 'passed'))).toEqual(['api/a.int.test.ts']));
  it.each(['core/b.test.ts', 'test/faults/c.int.test.ts', 'test/model/d.int.test.ts', 'test/e2e/e.e2e.test.ts'])(
    'is for nothing when %s fails',
    (name) => expect(names(server, file(name, 'failed'))).toEqual([]),
  );
  it('is for nothing when many fail', () =>
    expect(names(server, file('db/b.int.test.ts', 'failed'), file('cli/c.int.test.ts', 'failed'))).toEqual([]));

  const passing = file('db/b.int.test.ts', 'passed', 'pending');
  const counted = (second: TestedFile) => together({ testResults: [server, passing] }, { testResults: [second] });
  it('counts as it ends, and is told', () =>
    expect(counted(file('api/a.int.test.ts', 'passed', 'passed'))).toEqual({
      counts: { passed: 3, failed: 0, skipped: 1 },
      unsteady: ['api/a.int.test.ts > test 1'],
    }));
  it('fails when it fails again', () => expect(counted(server)).toEqual({ counts: { passed: 2, failed: 1, skipped: 1 }, unsteady: [] }));
});

it('two runs are one, and it fails when one of them does', () => {
  const run = (code: number, passed: number, failed: number, name: string) => ({
    ...{ code, counts: { passed, failed, skipped: 1 }, unhandled: failed, output: name, elapsedMs: 5 },
    report: { testResults: [{ name }] },
  });
  expect(joined(run(0, 3, 0, 'a'), run(1, 2, 1, 'b'))).toEqual({
    ...{ code: 1, counts: { passed: 5, failed: 1, skipped: 2 }, unhandled: 1, output: 'ab', elapsedMs: 10 },
    report: { testResults: [{ name: 'a' }, { name: 'b' }] },
  });
  // Nothing was written by a run that was cut off.
  expect(joined({ ...run(1, 0, 1, 'a'), report: {} }, run(0, 1, 0, 'b'))).toMatchObject({
    code: 1,
    report: { testResults: [{ name: 'b' }] },
  });
});

/** Nested as V8 gives them: the module, a function in it that ran twice, a branch of that which never ran. */
const NESTED: Functions = [
  { ranges: [{ startOffset: 0, endOffset: 100, count: 1 }] },
  {
    ranges: [
      { startOffset: 10, endOffset: 60, count: 2 },
      { startOffset: 20, endOffset: 30, count: 0 },
    ],
  },
];

describe('what ran elsewhere', () => {
  it.each([
    [0, 1],
    [9, 1],
    [10, 2],
    [20, 0],
    [29, 0],
    [30, 2],
    [60, 1],
    [100, 0],
  ])('at offset %i the innermost range says %i', (offset, count) => expect(runCounts(NESTED).at(offset)).toBe(count));

  it('reads source maps', () => {
    expect([...mappings({ mappings: 'AAAA;AACA,gBAEC;;ADHA' })]).toEqual([
      { line: 0, column: 0, source: 0, sourceLine: 0 },
      { line: 1, column: 0, source: 0, sourceLine: 1 },
      { line: 1, column: 16, source: 0, sourceLine: 3 },
      { line: 3, column: 0, source: -1, sourceLine: 0 },
    ]);
  });

  it('names the lines of the source that ran', () => {
    const ran = new Map<string, Set<number>>();
    const code = 'one();\ntwo();\nnot();\n';
    const map = { sources: ['../core/a.ts'], mappings: 'AAEA;AACA;AACA' };
    addRanLines(ran, { code, map, folder: '/x/dist' }, [
      {
        ranges: [
          { startOffset: 0, endOffset: 21, count: 1 },
          { startOffset: 14, endOffset: 20, count: 0 },
        ],
      },
    ]);
    expect(ran).toEqual(new Map([['/x/core/a.ts', new Set([3, 4])]]));
  });
});

describe('the gate on coverage', () => {
  /** A file of 100 lines with a statement each, of which the first `ran` ran. */
  const file = (ran: number) => ({
    statementMap: Object.fromEntries(Array.from({ length: 100 }, (_, index) => [index, { start: { line: index + 1 } }])),
    s: Object.fromEntries(Array.from({ length: 100 }, (_, index) => [index, index < ran ? 1 : 0])),
  });
  const report = (core: number, workflows: number) => ({
    [`${ROOT}core/a.ts`]: file(core),
    [`${ROOT}workflows/b.ts`]: file(workflows),
    [`${ROOT}cli/c.ts`]: file(0),
  });

  it('opens at 80 %', () => expect(judgeCoverage(report(80, 80))).toMatchObject({ ok: true }));
  it('is shut below', () => {
    expect(judgeCoverage(report(100, 59))).toMatchObject({
      ok: false,
      detail: '79.5 % of lines, gate 80 % (core 100.0 %, workflows 59.0 %, activities – %)',
    });
  });
  it('counts a line that ran elsewhere, once', () => {
    const ran = new Map([[`${ROOT}workflows/b.ts`, new Set([1, 60, 1000])]]);
    expect(judgeCoverage(report(100, 59), ran)).toMatchObject({ ok: true, detail: expect.stringContaining('workflows 60.0 %') });
  });
  it('is shut when nothing was measured', () => expect(judgeCoverage({})).toMatchObject({ ok: false }));
});
