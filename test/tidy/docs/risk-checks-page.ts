import { RISK_CHECKS } from '../../../core/risk/checks.js';
import { LIMIT_KEYS, limitDefinition, WATCH_LIMIT_KEYS, type RowKey } from '../../../core/risk/limit-table.js';

const BINDS = { entries: 'entries', exits: 'exits and stops', all: 'every order' } as const;

const row = (cells: readonly string[]): string => `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;

/** `docs/reference/risk-checks.md`, as the tables in `core/risk` say it must read. */
export function riskChecksPage(): string {
  const isLimit = (bound: string): boolean => (LIMIT_KEYS as readonly string[]).includes(bound);
  return [
    '# Checks of the gate, and limits',
    '',
    'Every order passes the gate before it is written ([from a signal to a settled order](../concepts/signal-to-order.md)). This page is held to',
    '`core/risk/checks.ts` and `core/risk/limit-table.ts` by a test; after a change there, write it anew with `npm test -- test/tidy/docs --update`.',
    '',
    '## Checks',
    '',
    'A denial names every reason at once. What is missing denies an entry. Exits, stops and escapes are held up by nothing that binds entries only.',
    '',
    '| code | refused when | bound | default | binds |',
    '|---|---|---|---|---|',
    ...RISK_CHECKS.map(({ code, when, bound, usual, binds }) =>
      row([`\`${code}\``, when, isLimit(bound) ? `\`${bound}\`` : bound, usual, BINDS[binds]]),
    ),
    '',
    '## Limits',
    '',
    'Rows that people set with `keelson limits set`, each of an account, a venue, a strategy or an instrument; of all rows whose scope an order is in the',
    'strictest holds. `required`: without a row no entry passes and the strategy does not start. `none`: no limit. Why it is so:',
    '[ADR 10](../adr/0010-limits-as-rows.md).',
    '',
    ...limitsTable(LIMIT_KEYS),
    '',
    '## Limits of the account watch',
    '',
    'At which losses [the account watch](../concepts/account-watch.md) warns and acts, and what it does with what is held. Rows as those above, each of an account or',
    'of a venue; the strictest holds, from the next sample on. No override is of them.',
    '',
    ...limitsTable(WATCH_LIMIT_KEYS),
    '',
  ].join('\n');
}

function limitsTable(keys: readonly RowKey[]): string[] {
  return [
    '| limit | default | from–to | stricter is | what |',
    '|---|---|---|---|---|',
    ...keys.map((key) => {
      const { kind, usual, least, most, stricter, meaning } = limitDefinition(key);
      const range = kind === 'count' || kind === 'ratio' ? `${least}–${most}` : kind === 'amount' ? 'above 0' : '–';
      const strict = kind === 'hours' ? 'fewer' : kind === 'policy' ? '`atOnce`' : stricter;
      return row([`\`${key}\``, usual, range, strict, meaning]);
    }),
  ];
}
