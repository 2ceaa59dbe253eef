#!/usr/bin/env node
import { readFileSync, writeFileSync } from 'node:fs';
import { inRoot } from './bootstrap/paths.mjs';

/**
 * Adds to package-lock.json the packages for other platforms that npm left out because the registry in use had them not.
 * Without their entries `npm ci` refuses the lockfile as incomplete, here and on those platforms. What is added has a
 * version and its platform, but no hash: npm takes the registry's there. Run it after `npm install` changed the lockfile.
 */
const OPERATING_SYSTEMS = ['aix', 'android', 'darwin', 'freebsd', 'linux', 'netbsd', 'openbsd', 'openharmony', 'sunos', 'win32'];
const PROCESSORS = ['arm', 'arm64', 'ia32', 'loong64', 'ppc64', 'riscv64', 's390x', 'wasm32', 'x64'];
const LIBRARIES = { gnu: 'glibc', musl: 'musl' };

/** `@swc/core-linux-x64-gnu` → linux, x64, glibc. A name that says no platform is a mistake of this script. */
function platformOf(name) {
  const words = name.split('/').at(-1).split('-');
  const os = words.find((word) => OPERATING_SYSTEMS.includes(word));
  const cpu = words.find((word) => PROCESSORS.includes(word));
  if (!cpu || (!os && cpu !== 'wasm32')) throw new Error(`the name ${name} does not say its platform: add its entry by hand`);
  const library = os === 'linux' ? LIBRARIES[words.at(-1)] : undefined;
  return { ...(os && { os: [os] }), cpu: [cpu], ...(library && { libc: [library] }) };
}

const path = inRoot('package-lock.json');
const lockfile = JSON.parse(readFileSync(path, 'utf8'));
const added = [];
for (const [holder, entry] of Object.entries(lockfile.packages)) {
  for (const [name, version] of Object.entries(entry.optionalDependencies ?? {})) {
    if (lockfile.packages[`node_modules/${name}`] || lockfile.packages[`${holder}/node_modules/${name}`]) continue;
    lockfile.packages[`node_modules/${name}`] = { version, ...platformOf(name), dev: entry.dev, optional: true };
    added.push(`${name} ${version}`);
  }
}
if (added.length > 0) {
  lockfile.packages = Object.fromEntries(Object.entries(lockfile.packages).sort(([one], [other]) => one.localeCompare(other, 'en')));
  writeFileSync(path, `${JSON.stringify(lockfile, undefined, 2)}\n`);
}
process.stdout.write(`${added.length} packages of other platforms added\n${added.map((line) => `  ${line}\n`).join('')}`);
