import { KeelsonError } from '../../core/errors.js';
import { isPaperHost } from '../../core/venue/paper-host.js';
import type { CcxtRest } from './ccxt-classes.js';
import type { VenueAddresses, WireProfile } from './profiles/wire-profile.js';

interface Found {
  readonly path: readonly string[];
  readonly address: string;
}

const ADDRESS = /^(https?|wss?):\/\//i;

/** Every web address anywhere inside `value`, with the path that leads to it. */
export function addressesIn(value: unknown, path: readonly string[] = []): readonly Found[] {
  if (typeof value === 'string') return ADDRESS.test(value) ? [{ path, address: value }] : [];
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, inner]) => addressesIn(inner, [...path, key]));
}

/**
 * Points every address of the client at the given ones. Replacing only the two or three that are called is not enough:
 * a call through another group (fees, for one) would carry the key to the live host. Groups that are not for calls
 * (documentation, test nets, logos) are taken away.
 */
export function redirect(client: CcxtRest, profile: WireProfile, given: VenueAddresses): void {
  const replace = (value: unknown, path: readonly string[]): unknown => {
    if (typeof value === 'string') return profile.address(path, value, given);
    const entries = Object.entries(value as Record<string, unknown>);
    return Object.fromEntries(entries.map(([key, inner]) => [key, replace(inner, [...path, key])]));
  };
  client.urls = { api: replace(client.urls.api, []) } as unknown as typeof client.urls;
}

/**
 * Proves that a client can reach nothing but the given hosts, and a paper venue's client nothing that could be live.
 * @throws KeelsonError CONFIG_VENUE_ADDRESS that names the first address that leads elsewhere.
 */
export function assertAddresses(client: CcxtRest, venue: string, given: VenueAddresses, live: boolean): void {
  const hosts = new Set([given.rest, given.stream, given.wsApi].map((address) => new URL(address).host));
  for (const { path, address } of addressesIn({ urls: client.urls, options: client.options })) {
    const { host, hostname } = new URL(address);
    const allowed = hosts.has(host) && (live || isPaperHost(hostname));
    if (!allowed) throw new KeelsonError('CONFIG_VENUE_ADDRESS', { venue, where: path.join('.'), address });
  }
}
