import type { Finding } from '../tree.js';

export interface Manifest {
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly devDependencies?: Readonly<Record<string, string>>;
}

interface LockedPackage {
  readonly version?: string;
  readonly resolved?: string;
  readonly integrity?: string;
  /** Processors that it is for: set for binaries of one platform only. */
  readonly cpu?: readonly string[];
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}

export interface Lockfile {
  readonly packages: Readonly<Record<string, LockedPackage>>;
}

const ROW = /^\| `([^`]+)` \| (\S.*) \|$/gm;

/** Dependencies that are not pinned to one version, or that `docs/reference/dependencies.md` does not give a reason for. */
export function unexplained(manifest: Manifest, page: string): Finding[] {
  const pinned = { ...manifest.dependencies, ...manifest.devDependencies };
  const explained = new Set([...page.matchAll(ROW)].map((match) => match[1] ?? ''));
  return [
    ...Object.entries(pinned)
      .filter(([, version]) => !/^\d+\.\d+\.\d+(?:-[\w.]+)?$/.test(version))
      .map(([name, version]) => `${name} is ${version}: pin one version`),
    ...Object.keys(pinned)
      .filter((name) => !explained.has(name))
      .map((name) => `${name} has no reason on the page`),
    ...[...explained].filter((name) => !(name in pinned)).map((name) => `${name} is on the page, but not used`),
  ];
}

/**
 * What makes a lockfile unfit for every registry and platform: fixed addresses, missing hashes (binaries of other
 * platforms may lack theirs, see scripts/complete-lockfile.mjs), platforms left out, other versions than the manifest's.
 */
export function lockfileFaults(manifest: Manifest, { packages }: Lockfile): Finding[] {
  const pinned = Object.entries({ ...manifest.dependencies, ...manifest.devDependencies });
  return [
    ...Object.entries(packages).flatMap(([path, { resolved, integrity, cpu, optionalDependencies = {} }]) => {
      if (resolved !== undefined) return [`${path} names where it comes from: ${resolved}`];
      if (path !== '' && integrity === undefined && cpu === undefined) return [`${path} has no integrity hash`];
      return Object.keys(optionalDependencies)
        .filter((name) => !(`node_modules/${name}` in packages) && !(`${path}/node_modules/${name}` in packages))
        .map((name) => `${name} is left out: run node scripts/complete-lockfile.mjs`);
    }),
    ...pinned
      .filter(([name, version]) => packages[`node_modules/${name}`]?.version !== version)
      .map(([name, version]) => `${name} is not locked at ${version}`),
  ];
}
