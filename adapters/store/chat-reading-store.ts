import type { Pool } from 'pg';
import type { ChatReadingStore } from '../../activities/ports/chat.js';
import type { ChatFacts } from '../../core/checks/facts.js';
import { KeelsonError } from '../../core/errors.js';
import { run } from './pool.js';

const BEGIN = { name: 'begin_chat_read', text: 'select begin_chat_read($1, $2) as answer' };
const TELL = { name: 'tell_chat_read', text: 'select tell_chat_read($1, $2, $3)' };
const END = { name: 'end_chat_read', text: 'select end_chat_read($1)' };
const FORGET = { name: 'forget_chat', text: 'select forget_chat()' };
const READ = { name: 'read_chat', text: 'select read_chat() as answer' };
/** Longer than a read takes; who has died in one is replaced after it. */
const TURN_MS = 12_000;

/** How the chat is read in which people halt, in Postgres. @throws KeelsonError INFRA_DATABASE from every method. */
export function createChatReadingStore(pool: Pool): ChatReadingStore {
  return {
    async begin(reader) {
      const [row] = await run<{ answer: boolean }>(pool, BEGIN, [reader, TURN_MS]);
      return row?.answer === true;
    },
    async told(reader, failure) {
      await run(pool, TELL, [reader, failure?.why ?? null, failure?.isContested ?? false]);
    },
    async end(reader) {
      await run(pool, END, [reader]);
    },
    async forget() {
      await run(pool, FORGET, []);
    },
  };
}

/** Whether the chat is read; for where one is configured. */
export async function readChatFacts(pool: Pool): Promise<ChatFacts> {
  const [row] = await run<{ answer: ChatFacts }>(pool, READ, []);
  if (row === undefined) throw new KeelsonError('INFRA_DATABASE', { detail: 'read_chat gave no answer' });
  return row.answer;
}
