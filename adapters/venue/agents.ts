import { Agent as HttpAgent } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';

/** Sockets that stay open. */
export interface Agents {
  readonly http: HttpAgent;
  readonly https: HttpsAgent;
}

// First in, first out: the connection that was idle longest is used next, so that a few calls keep all of them alive.
export function openAgents(): Agents {
  const kept = { keepAlive: true, maxFreeSockets: 16, scheduling: 'fifo' } as const;
  return { http: new HttpAgent(kept), https: new HttpsAgent(kept) };
}

/** Connections that are open now, in use or not. */
export function countConnections({ http, https }: Agents): number {
  const pools = [http, https].flatMap((agent) => [agent.sockets, agent.freeSockets]);
  return pools.flatMap((pool) => Object.values(pool)).reduce((sum, sockets) => sum + (sockets?.length ?? 0), 0);
}

export function destroyAgents({ http, https }: Agents): void {
  http.destroy();
  https.destroy();
}
