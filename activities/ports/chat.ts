import type { FlattenPolicy, Latch } from '../../core/control/mode.js';

export interface ChatMessage {
  readonly chat: string;
  /** Who wrote it, by the id that the chat service itself vouches for. */
  readonly sender: string;
  readonly text: string;
}

/** Others than we read there, or the service hands what is written to somebody else. */
export class ChatContested extends Error {}

/** A chat service in which people talk to us. Its errors say what to do, and hold no token. */
export interface ChatPort {
  /**
   * Waits some seconds for messages that came after `from`. @returns them, and from where the next call goes on: those before are done.
   * @throws ChatContested
   */
  read(from: number, signal: AbortSignal): Promise<{ readonly messages: readonly ChatMessage[]; readonly next: number }>;
  say(chat: string, text: string, signal: AbortSignal): Promise<void>;
}

/** Who asks, and in which chat. */
export interface ChatPerson {
  readonly chat: string;
  readonly sender: string;
  readonly subject: string;
}

export type ChatAsked =
  /** `known`: as of a halt (`Engaged`). */
  { readonly result: 'asked'; readonly known: readonly string[] | null } | { readonly result: 'refused' };

export type ChatConfirmed =
  | { readonly result: 'confirmed'; readonly scope: Latch; readonly policy: FlattenPolicy }
  | { readonly result: 'refused' }
  | { readonly result: 'noRequest' };

/** Halts that are asked for in a chat: rows, so that any guardian hears the second word of what another was told first. */
export interface ChatHaltStore {
  /** Writes down what is asked for, for as long as it may be confirmed; only for a person who may halt now. */
  ask(person: ChatPerson, halt: { readonly scope: Latch; readonly policy: FlattenPolicy }, code: string): Promise<ChatAsked>;
  /** The same person, in the same chat, in time, and still one who may halt: audited. */
  confirm(person: ChatPerson, code: string): Promise<ChatConfirmed>;
  /** Tells people that somebody tried who may not. */
  refuse(who: Omit<ChatPerson, 'subject'>): Promise<void>;
}

/** How the chat is read, by all guardians together. */
export interface ChatReadingStore {
  /** Whether it is this one's turn, for as long as a read may take. */
  begin(reader: string): Promise<boolean>;
  /** How a read has ended; people are told when none has for two minutes, or others read all the while. */
  told(reader: string, failure: { readonly why: string; readonly isContested: boolean } | undefined): Promise<void>;
  /** It reads no more: the next one may at once. */
  end(reader: string): Promise<void>;
  /** Nobody may halt from a chat any more. */
  forget(): Promise<void>;
}
