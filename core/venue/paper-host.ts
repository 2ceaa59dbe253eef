const TEST_NETWORKS = ['testnet.binance.vision', 'stream.testnet.binance.vision', 'ws-api.testnet.binance.vision'];
const PRIVATE_IPV4 = /^(127(\.\d+){3}|10(\.\d+){3}|192\.168(\.\d+){2}|172\.(1[6-9]|2\d|3[01])(\.\d+){2})$/;

/**
 * Whether a host, as an URL has it, cannot be a live venue: this machine, a private network, a container's name, or a known test network. What a
 * paper venue may be reached at is said here alone, for the configuration and for the clients that call it.
 */
export function isPaperHost(hostname: string): boolean {
  const host = hostname.toLowerCase();
  return (
    host === '[::1]' ||
    PRIVATE_IPV4.test(host) ||
    TEST_NETWORKS.includes(host) ||
    /^[a-z][a-z0-9-]*(\.(internal|local|localhost))?$/.test(host)
  );
}
