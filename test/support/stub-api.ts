import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runCommandLine } from '../../cli/program.js';

/** What one line of `keelson` comes to. */
export interface Said {
  readonly exitCode: number;
  readonly out: string;
  readonly error: string;
}

/**
 * A line of `keelson` before an API that answers what it is told to, and from a home where nothing runs.
 * @param answers by method and path, such as `GET /v1/status`
 */
export async function keelsonBefore(answers: Readonly<Record<string, unknown>>, ...line: readonly string[]): Promise<Said> {
  const home = await mkdtemp(join(tmpdir(), 'keelson-stub-api-'));
  const server = createServer((request, response) => {
    const answer = answers[`${request.method} ${(request.url ?? '').split('?')[0]}`];
    response.statusCode = answer === undefined ? 404 : 200;
    response.setHeader('content-type', 'application/json');
    response.end(JSON.stringify(answer ?? { detail: `nothing is at ${request.url}` }));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const said = { exitCode: 0, out: '', error: '' };
  let ids = 0;
  try {
    said.exitCode = await runCommandLine(line, {
      env: {
        KEELSON_HOME: home,
        KEELSON_API_URL: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
        KEELSON_API_KEY: 'a-key',
      },
      root: home,
      now: Date.now,
      newId: () => `id-${(ids += 1)}`,
      out: (text) => void (said.out += text),
      error: (text) => void (said.error += text),
    });
    return said;
  } finally {
    server.closeAllConnections();
    server.close();
    await rm(home, { recursive: true, force: true });
  }
}
