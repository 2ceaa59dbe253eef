import { ENVIRONMENT_VARIABLES, type Environment } from './environment.js';
import type { Config } from './schema.js';

/** The effective configuration, defaults filled in, fit to be shown: user and password are taken out of every address. */
export function redacted(config: Config): Config {
  return mapped(config) as Config;
}

/** The variables of Keelson that are set, for people: a secret shows only that it is set, and from where. */
export function redactedEnvironment(env: Environment): Record<string, string> {
  const shown: Record<string, string> = {};
  for (const { name, isSecret, perAccount } of ENVIRONMENT_VARIABLES) {
    for (const [key, value] of Object.entries(env).toSorted(([a], [b]) => a.localeCompare(b))) {
      if (!value || !(key === name || key === `${name}_FILE` || (perAccount && key.startsWith(`${name}_`)))) continue;
      shown[key] = key.endsWith('_FILE') ? value : isSecret ? '(set)' : withoutCredentials(value);
    }
  }
  return shown;
}

function mapped(value: unknown): unknown {
  if (typeof value === 'string') return withoutCredentials(value);
  if (Array.isArray(value)) return value.map(mapped);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, mapped(item)]));
}

/** An address keeps host and path; user, password, query and fragment may be secrets and go. */
export function withoutCredentials(text: string): string {
  if (!/^[a-z][a-z0-9+.-]*:\/\//i.test(text) || !URL.canParse(text)) return text;
  const url = new URL(text);
  if (url.username === '' && url.password === '' && url.search === '' && url.hash === '') return text;
  const credentials = url.username === '' && url.password === '' ? '' : '(redacted)@';
  return `${url.protocol}//${credentials}${url.host}${url.pathname}${url.search === '' ? '' : '?(redacted)'}`;
}
