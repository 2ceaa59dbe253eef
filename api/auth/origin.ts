import { KeelsonError } from '../../core/errors.js';

const LOOPBACK = ['127.0.0.1', 'localhost', '[::1]'];

/**
 * Refuses a call that a foreign web page could have made. The Host must be a name of this machine (or one that the operator
 * added), so that a page whose own name is pointed at 127.0.0.1 gets nothing; an Origin must be the very address called.
 * @throws KeelsonError AUTH_ORIGIN
 */
export function assertOwnOrigin(headers: Readonly<Record<string, string | string[] | undefined>>, furtherHosts: readonly string[]): void {
  const host = single(headers['host']).toLowerCase();
  const name = host.replace(/:\d{1,5}$/, '');
  if (![...LOOPBACK, ...furtherHosts].includes(name)) refuse(host || 'a request without a Host');
  const origin = headers['origin'];
  if (origin !== undefined && ![`http://${host}`, `https://${host}`].includes(single(origin).toLowerCase())) refuse(single(origin));
  const site = headers['sec-fetch-site'];
  if (site !== undefined && !['same-origin', 'none'].includes(single(site))) refuse(`another site (${single(site)})`);
}

function single(value: string | string[] | undefined): string {
  return Array.isArray(value) ? value.join(', ') : (value ?? '');
}

function refuse(origin: string): never {
  throw new KeelsonError('AUTH_ORIGIN', { origin: origin.replaceAll(/[^\x20-\x7e]/g, '?').slice(0, 120) });
}
