/** What a leaked key looks like: the fixed shapes of well-known issuers. */
const SHAPES = [
  [/-----BEGIN (?:[A-Z]+ )*PRIVATE KEY-----/, 'a private key'],
  [/\b(?:AKIA|ASIA)[0-9A-Z]{16}\b/, 'a cloud access key'],
  [/\bgh[pousr]_[A-Za-z0-9]{36,}\b/, 'a source host token'],
  [/\bgithub_pat_[A-Za-z0-9_]{50,}\b/, 'a source host token'],
  [/\bxox[abprs]-[A-Za-z0-9-]{20,}\b/, 'a chat token'],
  [/\b\d{8,10}:[A-Za-z0-9_-]{35}\b/, 'a chat bot token'],
  [/\beyJ[A-Za-z0-9_-]{10,}\.eyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{10,}\b/, 'a signed web token'],
  [/\bnpm_[A-Za-z0-9]{36}\b/, 'a registry token'],
  [/:\/\/[^\s/:@'"`$<>{}]+:(?!postgres@|password@|secret@|keelson@)[^\s/@'"`$<>{}]{8,}@/, 'a password in an address'],
];

/** A value given to a name that says what it is. */
const NAMED = /(?:api[_-]?key|secret|token|passw(?:or)?d|private[_-]?key)["'`]?\s*[:=]\s*["'`]([A-Za-z0-9+/_=-]{16,})["'`]/i;
const QUOTED = /["'`]([A-Za-z0-9+/_=-]{32,})["'`]/g;
const IS_HEX = /^[0-9a-f]+$/i;
const ALLOWED = /not-a-secret/;
const SKIPPED = /(?:^|\/)package-lock\.json$|(?:^|\/)go\.sum$|\.(?:onnx|png|svg|ico|woff2|csv|gz)$|test\/replay\/histories\//;

/** Shannon entropy in bits a character: words are near 3, random base 64 is above 4.5, random hex near 4. */
export function entropyBits(text) {
  const counts = new Map();
  for (const character of text) counts.set(character, (counts.get(character) ?? 0) + 1);
  let bits = 0;
  for (const count of counts.values()) bits -= (count / text.length) * Math.log2(count / text.length);
  return bits;
}

/** Hex of the length of a usual digest is a hash and stays; other random text is suspicious. */
function looksRandom(text) {
  if (IS_HEX.test(text)) return ![32, 40, 64, 128].includes(text.length) && entropyBits(text) > 3.5;
  return /[0-9]/.test(text) && /[a-z]/.test(text) && /[A-Z]/.test(text) && entropyBits(text) > 4.4;
}

function judge(line) {
  for (const [shape, what] of SHAPES) if (shape.test(line)) return what;
  const named = NAMED.exec(line)?.[1];
  if (named && entropyBits(named) > 3.6 && /[0-9]/.test(named)) return 'a secret in the source';
  for (const [, text] of line.matchAll(QUOTED)) if (looksRandom(text)) return 'a random key';
  return undefined;
}

/** Everything in a file that looks like a secret. @returns {{ file: string, line: number, what: string }[]} */
export function findSecrets(file, content) {
  if (SKIPPED.test(file)) return [];
  return content.split('\n').flatMap((line, index) => {
    if (ALLOWED.test(line)) return [];
    const what = judge(line);
    return what ? [{ file, line: index + 1, what }] : [];
  });
}
