import { ENVIRONMENT_VARIABLES } from './environment.js';
import { configKeys } from './json-schema.js';

const row = (cells: readonly string[]): string => `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;

/** The table of keys in `docs/reference/configuration.md`. */
export function keyTable(): string {
  const usual = (value: string | undefined): string => (value === undefined ? '**required**' : value === 'none' ? '–' : `\`${value}\``);
  return [
    '| key | default | meaning |',
    '|---|---|---|',
    ...configKeys().map((key) => row([`\`${key.path}\``, usual(key.usual), key.meaning])),
  ].join('\n');
}

/** The table of environment variables in `docs/reference/configuration.md`. */
export function environmentTable(): string {
  const also = ({ name, isSecret, perAccount }: (typeof ENVIRONMENT_VARIABLES)[number]): string =>
    [...(perAccount ? [`\`${name}_<ACCOUNT>\``] : []), ...(isSecret ? [`\`…_FILE\``] : [])].join(', ') || '–';
  return [
    '| variable | also as | default | meaning |',
    '|---|---|---|---|',
    ...ENVIRONMENT_VARIABLES.map((variable) => row([`\`${variable.name}\``, also(variable), variable.usual, variable.meaning])),
  ].join('\n');
}
