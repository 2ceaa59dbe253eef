import { createHash } from 'node:crypto';
import { codeOnly } from './code-text.js';
import { isCode, isTest, type Finding, type TreeFile } from './tree.js';

/** Names that say nothing about what a file is for. */
const EMPTY_NAMES = new Set(['common', 'helper', 'helpers', 'manager', 'managers', 'misc', 'service', 'services', 'util', 'utils']);

/**
 * Words that mean something else here (design, section 6), and where a venue's own language may use them. `market` is
 * refused where it stands for an instrument or a venue (`markets`, `marketId`), not where it means prices as a whole
 * (`market: MarketStore`).
 */
const FOREIGN_WORD = /^(?:candle(?:stick)?s?|pairs?)$/;
const FOREIGN_NAME = /^(?:(?:load|fetch|get|find|by|each|all)-)?(?:markets|market-(?:ids?|symbol|name|code|type|info|key))$/;
const SPEAKS_FOREIGN = /^(?:exchange|adapters\/venue|test|bench)\/|\.test\.ts$/;
const FAMILIAR_PHRASES = /keyPair|KeyPair/g;

const UNFINISHED = /\b(?:TODO|FIXME|XXX|HACK)\b/;
/** Temporal's own names (`context.cancelled`, `CancelledFailure`) keep their spelling. */
const BRITISH = /(?<![.\w])cancelled(?!Failure)|cancelling/i;
/** Tests may make up a home for someone; nobody needs the folder we work in. */
const MACHINE_PATH = /(?<![\w.$}/-])\/(?:work|root|Users|home\/[a-z]\w*)\/[\w.]/;
const WORKPLACE = /(?<![\w.$}/-])\/work\/[\w.]/;
const REGISTRY = /\bregistry\.(?:npmjs|yarnpkg)\b|\bproxy\.golang\.org\b|\bnpm\.pkg\.github\b/;

/** Words that no file may hold, as the start of their hash, so that this file does not hold them either. */
const UNSPOKEN = new Set([
  'c857d09db23e6822',
  'c70eca6b0f88f44d',
  '7d3194f79e645c42',
  '60965168ce762e94',
  '3ea125d0bff386e6',
  '57de4cf40144bdf7',
]);

const verdicts = new Map<string, boolean>();

function isUnspoken(word: string): boolean {
  const known = verdicts.get(word);
  if (known !== undefined) return known;
  const verdict = UNSPOKEN.has(createHash('sha256').update(word.toLowerCase()).digest('hex').slice(0, 16));
  verdicts.set(word, verdict);
  return verdict;
}

/** `loadMarkets` → load, markets; `MARKET_ID` → market, id. */
const wordsOf = (identifier: string): string[] =>
  identifier
    .replace(/([a-z0-9])([A-Z])/g, '$1 $2')
    .split(/[^A-Za-z]+/)
    .map((word) => word.toLowerCase());

function isForeign(identifier: string): boolean {
  const words = wordsOf(identifier);
  return words.some((word) => FOREIGN_WORD.test(word)) || FOREIGN_NAME.test(words.join('-'));
}

/** Files and folders named with a word that says nothing, or not in kebab-case. */
export function badNames(paths: readonly string[]): Finding[] {
  return paths.flatMap((path) => {
    const parts = path.split('/');
    const empty = parts.flatMap((part) => part.split(/[-.]/)).find((word) => EMPTY_NAMES.has(word));
    if (empty) return [`${path}: "${empty}" says nothing; name it after the concept`];
    if (isCode(path) && parts.some((part) => /[A-Z_]/.test(part))) return [`${path}: names are kebab-case`];
    return [];
  });
}

/** Identifiers that use a word of section 6 in its other sense. Strings and comments are free. */
export function foreignWords({ path, text }: TreeFile): Finding[] {
  if (!isCode(path) || SPEAKS_FOREIGN.test(path)) return [];
  return codeOnly(text)
    .split('\n')
    .flatMap((line, index) => {
      const identifiers = line.replace(FAMILIAR_PHRASES, '').match(/[A-Za-z_$][\w$]*/g) ?? [];
      const bad = identifiers.find(isForeign);
      return bad ? [`${path}:${index + 1} \`${bad}\`: here it is instrument, venue or bar`] : [];
    });
}

/** Lines that no file of the house may hold: unfinished work, machine paths, registry hosts, British `cancelled`. */
export function bannedLines({ path, text }: TreeFile): Finding[] {
  const findings: Finding[] = [];
  for (const [index, line] of text.split('\n').entries()) {
    const at = `${path}:${index + 1}`;
    if (UNFINISHED.test(line)) findings.push(`${at} leaves work unfinished: do it, or make it an issue`);
    if (BRITISH.test(line)) findings.push(`${at} we write canceled, as FIX and ccxt do`);
    if ((isTest(path) ? WORKPLACE : MACHINE_PATH).test(line)) findings.push(`${at} holds a path of one machine`);
    if (REGISTRY.test(line)) findings.push(`${at} names a registry: which one is used is the user's business`);
    if (line.match(/[A-Za-z]{4,}/g)?.some(isUnspoken)) findings.push(`${at} names a tool we work with`);
  }
  return findings;
}
