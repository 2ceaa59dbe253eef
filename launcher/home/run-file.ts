import { readFileSync, rmSync } from 'node:fs';
import { writeWhole } from './write-file.js';

/** Where everything of a running Keelson is reached. All of it is on this machine's loopback. */
export interface Addresses {
  /** Base address of the HTTP API. */
  readonly api: string;
  /** host:port of Temporal's gRPC frontend. */
  readonly temporal: string;
  /** Temporal's web page; absent for a server of the user's own whose page is not known. */
  readonly temporalUi?: string;
  /** `admin`: what a person or a test can do to the paper venue: faults, prices, halts. */
  readonly venue?: { readonly rest: string; readonly stream: string; readonly wsApi: string; readonly admin: string };
  /** `/metrics` of each process, by name. */
  readonly metrics: Readonly<Record<string, string>>;
}

/** `run.json`: what the command line and a second start read. Written at ready, removed at stop. */
export interface RunFile {
  readonly pid: number;
  /** Epoch ms of ready. */
  readonly since: number;
  readonly addresses: Addresses;
  readonly pids: Readonly<Record<string, number>>;
}

export function writeRunFile(path: string, run: RunFile): void {
  writeWhole(path, `${JSON.stringify(run, undefined, 2)}\n`);
}

/** `undefined` when there is none or it is not readable as one (nothing runs, or it is still starting). */
export function readRunFile(path: string): RunFile | undefined {
  try {
    const value: unknown = JSON.parse(readFileSync(path, 'utf8'));
    return typeof value === 'object' && value !== null && 'addresses' in value ? (value as RunFile) : undefined;
  } catch {
    return undefined;
  }
}

export function removeRunFile(path: string): void {
  rmSync(path, { force: true });
}
