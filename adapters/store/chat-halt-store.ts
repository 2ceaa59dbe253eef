import type { Pool } from 'pg';
import type { ChatAsked, ChatConfirmed, ChatHaltStore } from '../../activities/ports/chat.js';
import { KeelsonError } from '../../core/errors.js';
import { ACTIONS } from '../../core/people/actions.js';
import { jsonOf, run } from './pool.js';

const ASK = { name: 'ask_chat_halt', text: 'select ask_chat_halt($1::jsonb) as answer' };
const CONFIRM = { name: 'confirm_chat_halt', text: 'select confirm_chat_halt($1::jsonb) as answer' };
const REFUSE = { name: 'refuse_chat', text: 'select refuse_chat($1::jsonb)' };
const VALID_MS = 60_000;

/** Halts that are asked for in chats, in Postgres. @throws KeelsonError INFRA_DATABASE from every method. */
export function createChatHaltStore(pool: Pool): ChatHaltStore {
  const ask = async <Answer>(statement: typeof ASK, input: object): Promise<Answer> => {
    const rows = await run<{ answer: Answer }>(pool, statement, [jsonOf({ ...input, roles: ACTIONS.halt })]);
    const answer = rows[0]?.answer;
    if (answer === undefined) throw new KeelsonError('INFRA_DATABASE', { detail: `${statement.name} had no answer` });
    return answer;
  };
  return {
    ask: (person, { scope: { scope, scopeValue, account = null }, policy }, code) =>
      ask<ChatAsked>(ASK, { ...person, scope, scopeValue, account, policy, code, validForMs: VALID_MS }),
    async confirm(person, code) {
      const answer = await ask<Exclude<ChatConfirmed, { result: 'confirmed' }> | (Row & { result: 'confirmed' })>(CONFIRM, {
        ...person,
        code,
      });
      if (answer.result !== 'confirmed') return answer;
      const { result, scope, scopeValue, account, policy } = answer;
      return { result, policy, scope: { scope, scopeValue, ...(account === null ? {} : { account }) } };
    },
    async refuse(who) {
      await run(pool, REFUSE, [jsonOf(who)]);
    },
  };
}

type Halt = Extract<ChatConfirmed, { result: 'confirmed' }>;
interface Row extends Pick<Halt, 'policy'> {
  readonly scope: Halt['scope']['scope'];
  readonly scopeValue: string;
  readonly account: string | null;
}
