import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import type { EvidenceFile } from '../../activities/ports/kill.js';
import { decimal, text, ZERO, type DecimalText } from '../../core/money/index.js';
import type { StoredOrder } from '../../core/order/stored-order.js';

/** Of what the evidence file of a halt tells, what tests look at. */
interface Told {
  readonly orders: readonly StoredOrder[];
  readonly fills: readonly Readonly<Record<'intent_id' | 'side' | 'quantity', string>>[];
  readonly venueReplies: readonly { readonly kind: string; readonly data: Look }[];
}
type Look = Readonly<Record<'openOrders' | 'unverified', readonly unknown[]>>;

export interface HaltEvidence {
  /** Those that have a hash. */
  readonly sections: readonly string[];
  /** What a hash does not belong to. */
  readonly wrong: readonly string[];
  /** What each order of the kill has sold, by the fills that are told. */
  readonly sales: readonly { readonly intentId: string; readonly sides: readonly string[]; readonly quantity: DecimalText }[];
  /** What the venue had open, and what was not verified, at each look. */
  readonly looks: readonly Look[];
}

/** Reads it as somebody to whom it was forwarded, with nothing but the file and the hash that was told of it. */
export async function readHaltEvidence({ path, sha256 }: Pick<EvidenceFile, 'path' | 'sha256'>): Promise<HaltEvidence> {
  const content = await readFile(path, 'utf8');
  const { hashes, ...told } = JSON.parse(content) as Told & { readonly hashes: Readonly<Record<string, string>> };
  const named = told as Readonly<Record<string, unknown>>;
  const isOf = (name: string, hash: string): boolean => named[name] !== undefined && hashOf(JSON.stringify(named[name])) === hash;
  const wrong = Object.entries(hashes).filter(([name, hash]) => !isOf(name, hash));
  return {
    sections: Object.keys(hashes),
    wrong: [...(hashOf(content) === sha256 ? [] : [path]), ...wrong.map(([name]) => name)],
    sales: told.orders
      .filter(({ purpose }) => purpose === 'flatten')
      .map(({ intentId }) => {
        const fills = told.fills.filter((fill) => fill.intent_id === intentId);
        const quantity = text(fills.reduce((sum, fill) => sum.plus(decimal(fill.quantity)), ZERO));
        return { intentId, sides: [...new Set(fills.map(({ side }) => side))], quantity };
      }),
    looks: told.venueReplies
      .filter(({ kind }) => kind === 'looked')
      .map(({ data: { openOrders, unverified } }) => ({ openOrders, unverified })),
  };
}

function hashOf(content: string): string {
  return createHash('sha256').update(content).digest('hex');
}
