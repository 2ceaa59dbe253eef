import { readFileSync, statSync } from 'node:fs';
import { failure } from '../core/errors.js';
import { accountSuffix, type Environment } from './environment.js';
import type { Problem } from './problem.js';
import type { Config } from './schema.js';

export interface VenueCredentials {
  readonly apiKey: string;
  readonly apiSecret: string;
}

/** A value that was found, or why it could not be had. `value` undefined without a problem: it is not set. */
export interface Reading {
  readonly value?: string;
  readonly problem?: Problem;
}

/** Reads NAME, or the file that NAME_FILE names: a regular file that only its owner can read, without its last line break. */
export function readVariable(env: Environment, name: string): Reading {
  const direct = env[name];
  const path = env[`${name}_FILE`];
  if (!path) return direct ? { value: direct } : {};
  if (direct) return { problem: { path: name, message: `is set twice: by ${name} and by ${name}_FILE; keep one` } };
  try {
    const stat = statSync(path);
    if (!stat.isFile()) return { problem: { path: `${name}_FILE`, message: `expected a regular file, found ${path}` } };
    if ((stat.mode & 0o077) !== 0) return { problem: readableByOthers(`${name}_FILE`, path, stat.mode) };
    const value = readFileSync(path, 'utf8').replace(/\r?\n$/, '');
    if (value === '') return { problem: { path: `${name}_FILE`, message: `the file ${path} is empty` } };
    return { value };
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'unknown';
    return { problem: { path: `${name}_FILE`, message: `the file ${path} cannot be read (${code})` } };
  }
}

export function readableByOthers(path: string, file: string, mode: number): Problem {
  const values = { path: file, mode: (mode & 0o777).toString(8) };
  return { path, message: failure('CONFIG_SECRET_READABLE', values).message, cause: { code: 'CONFIG_SECRET_READABLE', values } };
}

/** Key and secret of an account: its own variables where one of them is set, else the common ones; never a mixture. */
export function readCredentials(env: Environment, account: string): { credentials?: VenueCredentials; problems: readonly Problem[] } {
  const own = `_${accountSuffix(account)}`;
  const isSet = (name: string): boolean => Boolean(env[name] || env[`${name}_FILE`]);
  const suffix = isSet(`EXCHANGE_API_KEY${own}`) || isSet(`EXCHANGE_API_SECRET${own}`) ? own : '';
  const names = [`EXCHANGE_API_KEY${suffix}`, `EXCHANGE_API_SECRET${suffix}`] as const;
  const [key, secret] = names.map((name) => readVariable(env, name));
  const problems = [key, secret].flatMap((reading, index): Problem[] => {
    if (reading?.problem) return [reading.problem];
    const name = names[index] ?? '';
    return reading?.value
      ? []
      : [
          {
            path: name,
            message: `is missing: expected the venue’s ${index === 0 ? 'key' : 'secret'} of account ${account} (or ${name}_FILE)`,
          },
        ];
  });
  if (problems.length > 0 || !key?.value || !secret?.value) return { problems };
  return { credentials: { apiKey: key.value, apiSecret: secret.value }, problems };
}

/** What the configured channels of alerts need beside the configuration file. */
export interface AlertSecrets {
  readonly webhookUrl?: string;
  readonly telegramToken?: string;
  readonly smtpPassword?: string;
  readonly smsWebhookUrl?: string;
}

/** Secrets of the channels that are set up; one that is missing would leave an alert untold when it counts. */
export function readAlertSecrets(
  { alerts }: Pick<Config, 'alerts'>,
  env: Environment,
): { secrets: AlertSecrets; problems: readonly Problem[] } {
  const problems: Problem[] = [];
  const read = (name: string, neededBy: string | undefined): string | undefined => {
    const { value, problem } = readVariable(env, name);
    if (problem !== undefined) problems.push(problem);
    else if (value === undefined && neededBy !== undefined)
      problems.push({ path: name, message: `is missing: ${neededBy} needs it (or ${name}_FILE)` });
    return value;
  };
  const found = {
    webhookUrl: read('KEELSON_ALERT_WEBHOOK_URL', undefined),
    telegramToken: read('KEELSON_TELEGRAM_TOKEN', alerts.telegram && 'alerts.telegram'),
    smtpPassword: read('KEELSON_SMTP_PASSWORD', alerts.email?.user && 'alerts.email.user'),
    smsWebhookUrl: read('KEELSON_SMS_WEBHOOK_URL', alerts.sms && 'alerts.sms'),
  };
  for (const [name, address] of [
    ['KEELSON_ALERT_WEBHOOK_URL', found.webhookUrl],
    ['KEELSON_SMS_WEBHOOK_URL', found.smsWebhookUrl],
  ] as const) {
    if (address !== undefined && !/^https?:\/\/\S+$/.test(address))
      problems.push({ path: name, message: 'expected an address that starts with http:// or https://' });
  }
  return { secrets: Object.fromEntries(Object.entries(found).filter(([, value]) => value !== undefined)), problems };
}
