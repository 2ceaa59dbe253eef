import { createServer } from 'node:net';
import { describe, expect, it } from 'vitest';
import { PortChooser } from './choose.js';
import type { PortProbe } from './choose.js';
import { listeningInodes, portHolder } from './holder.js';

const probe = (taken: Readonly<Record<number, string | undefined>>): PortProbe => ({
  isFree: (port) => Promise.resolve(!(port in taken)),
  holder: (port) => (port in taken ? { pid: 42, command: 'some server', home: taken[port] } : undefined),
  anyFree: () => Promise.resolve(50_000),
});

describe('PortChooser', () => {
  it('takes the preferred port when it is free', async () => {
    expect(await new PortChooser('/home/a', probe({})).choose('api', 7400)).toEqual({ port: 7400 });
  });

  it('takes the next free one from a stranger, and says who has the preferred one', async () => {
    const chooser = new PortChooser('/home/a', probe({ 7400: undefined, 7401: '/home/b' }));
    expect(await chooser.choose('api', 7400)).toEqual({
      port: 7402,
      instead: { preferred: 7400, holder: 'process 42, some server' },
    });
  });

  it('refuses a port that a process of the same home still has', async () => {
    const chooser = new PortChooser('/home/a', probe({ 7400: '/home/a' }));
    await expect(chooser.choose('api', 7400)).rejects.toMatchObject({ failure: { code: 'INFRA_PORT_TAKEN' } });
  });

  it('gives no port twice in one start', async () => {
    const chooser = new PortChooser('/home/a', probe({}));
    expect((await chooser.choose('one', 7420)).port).toBe(7420);
    expect((await chooser.choose('two', 7420)).port).toBe(7421);
  });

  it('finds out that a real port is taken, and by whom', async () => {
    const server = createServer();
    const port = await new Promise<number>((resolve) => {
      server.listen(0, '127.0.0.1', () => {
        const address = server.address();
        resolve(typeof address === 'object' && address !== null ? address.port : 0);
      });
    });
    try {
      const chosen = await new PortChooser('/nowhere').choose('api', port);
      expect(chosen.port).not.toBe(port);
      if (process.platform === 'linux') expect(portHolder(port)?.pid).toBe(process.pid);
    } finally {
      server.close();
    }
  });
});

describe('listeningInodes', () => {
  it('reads the listening sockets of a port only', () => {
    const table = [
      '  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode',
      '   0: 0100007F:1CE8 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 111 1',
      '   1: 0100007F:1CE8 0100007F:9999 01 00000000:00000000 00:00000000 00000000     0        0 222 1',
      '   2: 0100007F:1CE9 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 333 1',
    ].join('\n');
    expect(listeningInodes(table, 7400)).toEqual(['111']);
  });
});
