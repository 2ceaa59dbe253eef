import type { FlattenPolicy, Latch } from '../../core/control/mode.js';

export interface ChatMessage {
  readonly chat: string;
  /** Who wrote it, by the id that the chat service itself vouches for. */
  readonly sender: string;
  readonly text: string;
}

/** A chat service in which people talk to us. Its errors hold no token. */
export interface ChatPort {
  /** Waits some seconds for messages that came after `from`. @returns them, and from where the next call goes on: those before are done. */
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
