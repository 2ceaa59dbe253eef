import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterAll, expect, test } from 'vitest';
import { summarizeJournal } from '../../../exchange/journal/summary.js';
import type { Addresses } from '../../../exchange/serve.js';
import { ccxtClient } from './ccxt-client.js';

const PROGRAM = fileURLToPath(new URL('../../../dist/exchange/main.js', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'paper-restart-'));
const journal = join(folder, 'journal.jsonl');
const running = new Set<ChildProcess>();

afterAll(() => {
  for (const child of running) child.kill('SIGKILL');
  rmSync(folder, { recursive: true });
});

async function start(): Promise<{ child: ChildProcess; addresses: Addresses }> {
  const flags = ['--json', '--exit-with-stdin', '--simulate', 'BTC/USDT@3:50000,0.0005', '--account', 'a:key:secret:USDT=1000000,BTC=10'];
  const child = spawn(process.execPath, [PROGRAM, ...flags, '--journal', journal], { stdio: ['pipe', 'pipe', 'inherit'] });
  running.add(child);
  child.once('exit', () => running.delete(child));
  const [line] = (await once(createInterface({ input: child.stdout as NodeJS.ReadableStream }), 'line')) as [string];
  return { child, addresses: JSON.parse(line) as Addresses };
}

test.skipIf(!existsSync(PROGRAM))('V120 killed with -9 in the middle of orders, it has lost nothing that it answered', async () => {
  const answered = new Map<string, string>();
  for (let round = 0; round < 3; round += 1) {
    const { child, addresses } = await start();
    const client = await ccxtClient(addresses, { apiKey: 'key', secret: 'secret' });
    await client.loadMarkets();
    for (const [clientOrderId, id] of answered) {
      expect((await client.fetchOrder('', 'BTC/USDT', { clientOrderId })).id).toBe(id);
    }
    const exit = once(child, 'exit');
    const place = async (worker: number): Promise<void> => {
      for (let count = 0; count < 200; count += 1) {
        const clientOrderId = `r${round}-w${worker}-${count}`;
        const order = await client.createOrder('BTC/USDT', 'market', count % 2 === 0 ? 'buy' : 'sell', 0.001, undefined, { clientOrderId });
        answered.set(clientOrderId, String(order.id));
        if (answered.size === 40 * (round + 1) + round) child.kill('SIGKILL');
      }
    };
    await Promise.allSettled([0, 1, 2].map(place));
    await exit;
    await client.close();
    const { problems, accounts } = summarizeJournal(journal);
    expect(problems).toEqual([]);
    const ids = new Set([...(accounts.get('a')?.orders.values() ?? [])].map((order) => order.clientOrderId));
    expect([...answered.keys()].filter((id) => !ids.has(id))).toEqual([]);
  }
  expect(new Set(answered.values()).size).toBe(answered.size);
});
