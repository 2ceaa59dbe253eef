import { CHAT_USAGE, parseChatCommand, type ChatCommand } from '../../core/control/chat-command.js';
import type { FlattenPolicy, Latch } from '../../core/control/mode.js';
import { nobodyHas, nothingHalted } from '../../core/control/nobody.js';
import {
  ChatContested,
  type ChatHaltStore,
  type ChatMessage,
  type ChatPerson,
  type ChatPort,
  type ChatReadingStore,
} from '../ports/chat.js';
import type { Engaged, HaltPort } from '../ports/halt.js';

/** After an error the next look is so much later. */
const READ_AGAIN_MS = 3_000;
/** While another guardian reads. */
const TURN_AGAIN_MS = 1_000;
const ANSWER_LIMIT_MS = 5_000;

export interface ChatHaltDependencies {
  readonly chat: ChatPort;
  readonly store: ChatHaltStore;
  readonly reading: ChatReadingStore;
  /** Of this process alone. */
  readonly reader: string;
  readonly halt: HaltPort;
  /** In these chats we listen; what these senders write, a person has written. */
  readonly chats: ReadonlySet<string>;
  readonly people: ReadonlyMap<string, string>;
  readonly newCode: () => string;
  readonly pause: (ms: number, signal: AbortSignal) => Promise<void>;
  readonly log: { warn(data: object, message: string): void };
}

/**
 * Halts from a chat, until it is closed. The latch is written straight to Postgres (P25): neither Temporal nor the API is asked,
 * and the workflow follows it through the outbox. Whoever is not a configured person in a configured chat hears nothing.
 */
export class ChatHalts {
  private readonly dependencies: ChatHaltDependencies;
  private readonly ending = new AbortController();
  private readonly running: Promise<void>;

  constructor(dependencies: ChatHaltDependencies) {
    this.dependencies = dependencies;
    this.running = this.listen();
  }

  async close(): Promise<void> {
    this.ending.abort();
    await this.running;
  }

  private async listen(): Promise<void> {
    const { chat, pause, log } = this.dependencies;
    const { signal } = this.ending;
    let from = 0;
    while (!signal.aborted) {
      if (!(await this.isOurTurn())) {
        await pause(TURN_AGAIN_MS, signal);
        continue;
      }
      try {
        const { messages, next } = await chat.read(from, signal);
        for (const message of messages) await this.hear(message);
        from = next;
        await this.told(undefined);
      } catch (error) {
        if (signal.aborted) break;
        log.warn({ error: String(error) }, 'the chat in which people halt could not be read; it is read again');
        await this.told(error instanceof Error ? error : new Error(String(error)));
        // Another guardian may be able to: it asks for the turn before we do again.
        await this.giveUpTurn();
        await pause(READ_AGAIN_MS, signal);
      }
    }
    await this.giveUpTurn();
  }

  private async giveUpTurn(): Promise<void> {
    const { reading, reader } = this.dependencies;
    await reading.end(reader).catch(() => undefined);
  }

  /** Without the ledger whoever halts is at least answered. */
  private async isOurTurn(): Promise<boolean> {
    const { reading, reader, log } = this.dependencies;
    return reading.begin(reader).catch((error: unknown) => {
      log.warn({ error: String(error) }, 'whose turn it is to read the chat could not be asked; it is read');
      return true;
    });
  }

  private async told(error: Error | undefined): Promise<void> {
    const { reading, reader, log } = this.dependencies;
    const failure = error && { why: error.message, isContested: error instanceof ChatContested };
    await reading
      .told(reader, failure)
      .catch((failed: unknown) => log.warn({ error: String(failed) }, 'how the chat was read was not written down'));
  }

  private async hear(message: ChatMessage): Promise<void> {
    const { chats, people, store, log } = this.dependencies;
    const command = parseChatCommand(message.text);
    if (command === undefined) return;
    const { chat, sender } = message;
    const subject = people.get(sender);
    try {
      if (subject === undefined || !chats.has(chat)) return await store.refuse({ chat, sender });
      const answer = await this.answer(command, { chat, sender, subject });
      if (answer !== undefined) await this.say(chat, answer);
    } catch (error) {
      log.warn({ error: String(error), chat }, 'what was asked for in a chat was not done');
      if (subject !== undefined && chats.has(chat)) await this.say(chat, NOT_HALTED);
    }
  }

  /** @returns what the person is told; nothing to somebody who may not halt. */
  private async answer(command: ChatCommand, person: ChatPerson): Promise<string | undefined> {
    const { store, halt, newCode } = this.dependencies;
    if (command.kind === 'malformed') return `Nothing is halted. Say one of\n${CHAT_USAGE}`;
    if (command.kind === 'kill') {
      const code = newCode();
      const asked = await store.ask(person, command, code);
      if (asked.result === 'refused') return undefined;
      const held = command.policy === 'atOnce' ? ', and sell what is held there' : ' (what is held stays, with its stops)';
      // Who mistypes a name at night must not believe that something stands still.
      const doubt = asked.known === null ? '' : `Careful: ${nobodyHas(command.scope, asked.known)}\n`;
      return `${doubt}Halt ${nameOf(command.scope)}${held}? Within a minute:\n/confirm ${code}`;
    }
    const confirmed = await store.confirm(person, command.code);
    if (confirmed.result === 'refused') return undefined;
    if (confirmed.result === 'noRequest')
      return 'NOT HALTED: nothing waits for this code. Say /kill again, and confirm it within a minute.';
    const { scope, policy } = confirmed;
    const { subject, chat } = person;
    const engaged = await halt.latch(scope, { subject, underKey: null, by: 'chat', reason: `by chat ${chat}`, policy });
    return haltedText(scope, engaged, policy);
  }

  /** What is done is done, whether or not it can be told; who is halting is answered also by a process that ends. */
  private async say(chat: string, text: string): Promise<void> {
    const { log } = this.dependencies;
    await this.dependencies.chat
      .say(chat, text, AbortSignal.timeout(ANSWER_LIMIT_MS))
      .catch((error: unknown) => log.warn({ error: String(error), chat }, 'a chat was not answered'));
  }
}

const NOT_HALTED = 'NOT HALTED: the database did not answer. Say it again, or: keelson kill --direct';

const nameOf = ({ scope, scopeValue, account }: Latch): string =>
  [scope, scopeValue, account === undefined ? '' : `in ${account}`].filter((part) => part !== '').join(' ');

/** Of the halt that stands, which may be stricter than what was asked for, and over nothing at all. */
function haltedText(scope: Latch, { latchId, isNew, policy, accounts, known }: Engaged, asked: FlattenPolicy): string {
  if (known !== null) return nothingHalted(scope, latchId, known);
  const held =
    policy === 'atOnce'
      ? `what is held there is sold${asked === 'none' ? ', since it was called so before' : ''}`
      : 'what is held stays, with its stops';
  const where = `${nameOf(scope)} (${accounts.join(', ')})`;
  return `${isNew ? 'HALTED' : 'HALTED already'}: ${where}; ${held}. No order begins to be sent there any more. Halt ${latchId}.`;
}
