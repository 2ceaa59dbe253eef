/** What `temporal --version` says of itself. */
export interface ProgramVersion {
  /** Of the server inside, for instance 1.32.1: what decides whether it may open a database file. */
  readonly server: string;
  /** Whether it is our own program (`deploy/temporal`), which knows `--exit-with-stdin`. */
  readonly isOurs: boolean;
}

/** Reads `temporal version 1.9.1 (Server 1.32.0, UI 2.54.1)`. Undefined when it is something else. */
export function parseProgramVersion(text: string): ProgramVersion | undefined {
  const server = /\(Server v?(\d+\.\d+\.\d+)/.exec(text)?.[1];
  return server === undefined ? undefined : { server, isOurs: text.startsWith('temporal version keelson') };
}

/** Negative when `one` is older than `other`, by its numbers; what follows them (`-rc1`) does not count. */
export function compareVersions(one: string, other: string): number {
  const numbers = (version: string): number[] => version.split(/[.+-]/).slice(0, 3).map(Number);
  const [left, right] = [numbers(one), numbers(other)];
  for (let index = 0; index < 3; index += 1) {
    const difference = (left[index] || 0) - (right[index] || 0);
    if (difference !== 0) return difference;
  }
  return 0;
}

export const isAtLeast = (version: string, floor: string): boolean => compareVersions(version, floor) >= 0;
