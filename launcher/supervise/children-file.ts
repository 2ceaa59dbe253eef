import { readFileSync } from 'node:fs';
import { identify } from '../home/process-identity.js';
import type { ProcessIdentity } from '../home/process-identity.js';
import { writeWhole } from '../home/write-file.js';

/** A process that the supervisor started, as whoever comes after a killed supervisor has to know it. */
export interface ChildRecord {
  readonly name: string;
  readonly identity: ProcessIdentity;
  /** The signal that makes it end in order. */
  readonly stopSignal: NodeJS.Signals;
  /** It has a channel to the supervisor and ends when that closes; others have to be told. */
  readonly endsAlone: boolean;
}

const isChildRecord = (value: unknown): value is ChildRecord =>
  typeof value === 'object' && value !== null && 'name' in value && 'identity' in value && 'stopSignal' in value;

/** The children on disk, in order of their start; nothing when the file is missing or not ours. */
export function readChildren(path: string): readonly ChildRecord[] {
  try {
    const value: unknown = JSON.parse(readFileSync(path, 'utf8'));
    return Array.isArray(value) ? value.filter(isChildRecord) : [];
  } catch {
    return [];
  }
}

/** `children.json`: kept current by the supervisor, read by the keeper and by the next start. */
export class ChildrenFile {
  readonly #path: string;
  #records: readonly ChildRecord[] = [];

  constructor(path: string) {
    this.#path = path;
  }

  /** Adds a process that was just started; one that is gone already is not worth a line. */
  add(name: string, pid: number, stopSignal: NodeJS.Signals, endsAlone: boolean): void {
    const identity = identify(pid);
    if (identity === undefined) return;
    this.#records = [...this.#records.filter((record) => record.identity.pid !== pid), { name, identity, stopSignal, endsAlone }];
    this.#write();
  }

  remove(pid: number): void {
    this.#records = this.#records.filter((record) => record.identity.pid !== pid);
    this.#write();
  }

  get records(): readonly ChildRecord[] {
    return this.#records;
  }

  #write(): void {
    writeWhole(this.#path, `${JSON.stringify(this.#records, undefined, 2)}\n`);
  }
}
