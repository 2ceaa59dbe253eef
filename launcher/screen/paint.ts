/** Colors by meaning; without color every one gives the text as it is. */
export interface Paint {
  readonly good: (text: string) => string;
  readonly bad: (text: string) => string;
  readonly warn: (text: string) => string;
  readonly dim: (text: string) => string;
  readonly strong: (text: string) => string;
}

const wrap = (open: number, close: number) => (text: string) => `\u001b[${open}m${text}\u001b[${close}m`;
const same = (text: string): string => text;

export const PLAIN: Paint = { good: same, bad: same, warn: same, dim: same, strong: same };
export const COLORED: Paint = {
  good: wrap(32, 39),
  bad: wrap(31, 39),
  warn: wrap(33, 39),
  dim: wrap(2, 22),
  strong: wrap(1, 22),
};

/** Colors only on a terminal that understands them, and never against NO_COLOR. */
export function choosePaint(isTerminal: boolean, env: Readonly<Record<string, string | undefined>>): Paint {
  const isRefused = env['NO_COLOR'] !== undefined && env['NO_COLOR'] !== '';
  return isTerminal && !isRefused && env['TERM'] !== 'dumb' ? COLORED : PLAIN;
}
