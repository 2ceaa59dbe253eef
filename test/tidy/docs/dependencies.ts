import type { Finding } from '../tree.js';

export interface Manifest {
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly devDependencies?: Readonly<Record<string, string>>;
}

export interface Lockfile {
  readonly packages: Readonly<Record<string, { readonly version?: string; readonly resolved?: string; readonly integrity?: string }>>;
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

/** What makes a lockfile depend on one registry or trust what it gets: fixed addresses, missing hashes, other versions. */
export function lockfileFaults(manifest: Manifest, { packages }: Lockfile): Finding[] {
  const pinned = Object.entries({ ...manifest.dependencies, ...manifest.devDependencies });
  return [
    ...Object.entries(packages).flatMap(([path, { resolved, integrity }]) => {
      if (resolved !== undefined) return [`${path} names where it comes from: ${resolved}`];
      return path !== '' && integrity === undefined ? [`${path} has no integrity hash`] : [];
    }),
    ...pinned
      .filter(([name, version]) => packages[`node_modules/${name}`]?.version !== version)
      .map(([name, version]) => `${name} is not locked at ${version}`),
  ];
}
