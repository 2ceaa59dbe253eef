import { createHash } from 'node:crypto';

/** Numbers from 0 to 1 that the same seed and name give again. */
export function seeded(seed: number, name: string): () => number {
  let count = 0;
  return () => {
    count += 1;
    return createHash('sha256').update(`${seed} ${name} ${count}`).digest().readUInt32BE(0) / 2 ** 32;
  };
}
