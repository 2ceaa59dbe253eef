import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

/** The scripts are plain JavaScript, since they run before there is a compiler; here are the types of what is tested. */
const load = async <T>(file: string) => (await import(new URL(file, import.meta.url).href)) as T;
const { findSecrets, entropyBits } = await load<{
  findSecrets: (file: string, content: string) => { file: string; line: number; what: string }[];
  entropyBits: (text: string) => number;
}>('./secrets.mjs');
const { countTests } = await load<{ countTests: (report: object, folder?: string) => object }>('./vitest.mjs');
const { judgeCoverage } = await load<{ judgeCoverage: (summary: object) => { ok: boolean; detail: string } }>('./coverage.mjs');

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

describe('the gate on coverage', () => {
  const lines = (covered: number, total: number) => ({ lines: { covered, total } });
  const summary = (core: number, workflows: number) => ({
    total: lines(999, 999),
    [`${ROOT}core/a.ts`]: lines(core, 100),
    [`${ROOT}workflows/b.ts`]: lines(workflows, 100),
    [`${ROOT}cli/c.ts`]: lines(0, 100),
  });
  it('opens at 80 %', () => expect(judgeCoverage(summary(80, 80))).toMatchObject({ ok: true }));
  it('is shut below', () => {
    expect(judgeCoverage(summary(100, 59))).toMatchObject({ ok: false });
    expect(judgeCoverage(summary(100, 59)).detail).toBe('79.5 % of lines, gate 80 % (core 100.0 %, workflows 59.0 %, activities – %)');
  });
  it('is shut when nothing was measured', () => expect(judgeCoverage({})).toMatchObject({ ok: false }));
});
