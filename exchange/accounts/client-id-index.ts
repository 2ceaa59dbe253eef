const FIRST_SLOTS = 1024;
const EMPTY = 0;

/**
 * Which orders may have had a client order id: eight bytes an order, for orders that are no longer in memory. Different
 * ids can share a hash, so the caller looks at the order itself.
 */
export class ClientIdIndex {
  /** Order id, hash; order ids begin at 1, so 0 is an empty slot. */
  #slots = new Int32Array(2 * FIRST_SLOTS);
  #used = 0;

  add(key: string, orderId: number): void {
    if (4 * this.#used >= this.#slots.length) this.#grow();
    this.#put(hashOf(key), orderId);
    this.#used += 1;
  }

  /** Newest first. */
  candidates(key: string): number[] {
    const hash = hashOf(key);
    const mask = this.#slots.length / 2 - 1;
    const found: number[] = [];
    for (let slot = hash & mask; this.#slots[2 * slot] !== EMPTY; slot = (slot + 1) & mask) {
      if (this.#slots[2 * slot + 1] === hash) found.push(this.#slots[2 * slot] as number);
    }
    return found.sort((left, right) => right - left);
  }

  #put(hash: number, orderId: number): void {
    const mask = this.#slots.length / 2 - 1;
    let slot = hash & mask;
    while (this.#slots[2 * slot] !== EMPTY) slot = (slot + 1) & mask;
    this.#slots[2 * slot] = orderId;
    this.#slots[2 * slot + 1] = hash;
  }

  #grow(): void {
    const before = this.#slots;
    this.#slots = new Int32Array(2 * before.length);
    for (let at = 0; at < before.length; at += 2) {
      if (before[at] !== EMPTY) this.#put(before[at + 1] as number, before[at] as number);
    }
  }
}

function hashOf(text: string): number {
  let hash = 0x811c9dc5;
  for (let index = 0; index < text.length; index += 1) hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193);
  hash ^= hash >>> 15;
  return Math.imul(hash, 0x2c1b3c6d) | 0;
}
