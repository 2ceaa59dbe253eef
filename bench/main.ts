import { Command, InvalidArgumentError } from 'commander';
import type { Finding, Size } from './benchmark.js';
import { BENCHMARKS } from './benchmarks.js';
import { writeFindings } from './page.js';
import { asLine, asText } from './tell.js';

const USAGE_EXIT = 2;

/** `npm run bench -- [NAME…] --json`: the one door to all benchmarks. */
const command = new Command('npm run bench --')
  .description('Runs benchmarks; without names all of them.')
  .argument('[names...]', `which: ${BENCHMARKS.map((one) => one.name).join(', ')}`)
  .option('--json', 'one JSON object a line')
  .option('--markdown', 'write what is found into docs/reference/benchmarks.md; a whole run of all does so anyway')
  .option('--seconds <n>', 'a shorter timed run, for a first look; it never counts as the goal', wholeNumber)
  .option('--orders <n>', 'fewer orders, likewise', wholeNumber)
  .addHelpText('after', `\n${BENCHMARKS.map((one) => `  ${one.name.padEnd(10)} ${one.summary}`).join('\n')}`)
  .exitOverride((error) => process.exit(error.exitCode === 0 ? 0 : USAGE_EXIT))
  .parse();

const unknown = command.args.filter((name) => !BENCHMARKS.some((one) => one.name === name));
if (unknown.length > 0) {
  process.stderr.write(`There is no benchmark ${unknown.join(', ')}. Known: ${BENCHMARKS.map((one) => one.name).join(', ')}.\n`);
  process.exit(USAGE_EXIT);
}
const { json, markdown, ...size } = command.opts<{ json?: boolean; markdown?: boolean } & Size>();
const findings: Finding[] = [];
for (const benchmark of BENCHMARKS) {
  if (command.args.length > 0 && !command.args.includes(benchmark.name)) continue;
  const finding = await benchmark.run(size);
  findings.push(finding);
  process.stdout.write(json === true ? asLine(finding) : asText(finding));
}
const isWhole = command.args.length === 0 && Object.keys(size).length === 0;
if (markdown === true || isWhole) writeFindings(BENCHMARKS, findings, new Date().toISOString().slice(0, 10));

function wholeNumber(text: string): number {
  if (!/^[1-9]\d{0,8}$/.test(text)) throw new InvalidArgumentError('A whole number from 1.');
  return Number(text);
}
