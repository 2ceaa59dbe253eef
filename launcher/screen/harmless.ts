/**
 * Text from elsewhere (a venue's reason, a command line, a log) must not move the cursor or color the screen; line breaks
 * stay where whole tables are told. With `--json` escaping does the same.
 */
export function harmless<T>(value: T, keepsLines = false): T {
  if (typeof value === 'string') return cleaned(value, keepsLines) as T;
  if (Array.isArray(value)) return value.map((item: unknown) => harmless(item, keepsLines)) as T;
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, harmless(item as unknown, keepsLines)])) as T;
}

const CONTROL = /[\u0000-\u001f\u007f-\u009f\u200e\u200f\u202a-\u202e\u2066-\u2069]/g;

const cleaned = (text: string, keepsLines: boolean): string =>
  text.replaceAll(CONTROL, (character) => (keepsLines && character === '\n' ? character : '\ufffd'));
