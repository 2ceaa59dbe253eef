import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { calendarAddress, calendarFile } from './calendar-source.js';

let folder: string;
let server: Server;
let answer: (response: ServerResponse) => void;
let address: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'keelson-calendar-'));
  server = createServer((_request, response) => answer(response));
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
  address = `http://127.0.0.1:${(server.address() as AddressInfo).port}/events?token=secret`;
});
afterEach(async () => {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
  await rm(folder, { recursive: true, force: true });
});

it('reads a file, and says which is missing', async () => {
  const path = join(folder, 'events.csv');
  await expect(calendarFile(path).read()).rejects.toThrow(`the file ${path} could not be read (ENOENT)`);
  await writeFile(path, 'time,title\n');
  expect(await calendarFile(path).read()).toBe('time,title\n');
  await writeFile(path, 'x'.repeat(4_000_001));
  await expect(calendarFile(path).read()).rejects.toThrow('it is larger than 4 MB');
});

it('asks an address; what goes wrong there never tells the address', async () => {
  answer = (response) => response.end('[]');
  expect(await calendarAddress(address).read()).toBe('[]');
  answer = (response) => response.writeHead(503).end();
  const refused = await calendarAddress(address)
    .read()
    .catch((error: unknown) => String(error));
  expect(refused).toContain('answered with the HTTP status 503');
  expect(refused).not.toContain('secret');
  // It is not followed to where nobody has configured it.
  answer = (response) => response.writeHead(302, { location: 'http://127.0.0.1:1/' }).end();
  await expect(calendarAddress(address).read()).rejects.toThrow('could not be reached');
  answer = (response) => void response.writeHead(200).write('[', () => response.destroy());
  await expect(calendarAddress(address).read()).rejects.toThrow('its address broke off');
  answer = () => undefined;
  await expect(calendarAddress(address, 50).read()).rejects.toThrow('did not answer');
});
