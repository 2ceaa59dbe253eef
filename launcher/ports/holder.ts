import { execFileSync } from 'node:child_process';
import { readFileSync, readdirSync, readlinkSync } from 'node:fs';

/** Who listens on a loopback port, when that can be found out. */
export interface PortHolder {
  readonly pid: number;
  /** Its command line, for a person. */
  readonly command: string;
  /** KEELSON_HOME it was started with, where the system shows it to us. */
  readonly home: string | undefined;
}

/** `undefined`: nobody listens, or it belongs to another user and is not shown to us (then it is not ours either). */
export function portHolder(port: number): PortHolder | undefined {
  const pid = process.platform === 'linux' ? linuxHolder(port) : lsofHolder(port);
  return pid === undefined ? undefined : { pid, command: commandOf(pid), home: homeOf(pid) };
}

function linuxHolder(port: number): number | undefined {
  const inodes = new Set(['/proc/net/tcp', '/proc/net/tcp6'].flatMap((table) => listeningInodes(readText(table), port)));
  if (inodes.size === 0) return undefined;
  for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    const folder = `/proc/${pid}/fd`;
    try {
      for (const fd of readdirSync(folder)) {
        const inode = /^socket:\[(\d+)\]$/.exec(linkTarget(`${folder}/${fd}`))?.[1];
        if (inode !== undefined && inodes.has(inode)) return Number(pid);
      }
    } catch {
      // Another user's process, or one that has just ended.
    }
  }
  return undefined;
}

/** The inodes of the sockets that listen on a port, from the text of /proc/net/tcp or tcp6. */
export function listeningInodes(table: string, port: number): readonly string[] {
  const wanted = port.toString(16).toUpperCase().padStart(4, '0');
  return table.split('\n').flatMap((line) => {
    const fields = line.trim().split(/\s+/);
    const isListening = fields[3] === '0A' && fields[1]?.split(':')[1] === wanted;
    return isListening && fields[9] !== undefined ? [fields[9]] : [];
  });
}

function lsofHolder(port: number): number | undefined {
  try {
    const out = execFileSync('lsof', ['-nP', `-iTCP:${port}`, '-sTCP:LISTEN', '-Fp'], { encoding: 'utf8', stdio: 'pipe' });
    const pid = Number(/^p(\d+)$/m.exec(out)?.[1]);
    return Number.isInteger(pid) ? pid : undefined;
  } catch {
    return undefined;
  }
}

function commandOf(pid: number): string {
  const text = readText(`/proc/${pid}/cmdline`).replaceAll('\0', ' ').trim();
  return text === '' ? `process ${pid}` : text.slice(0, 120);
}

const homeOf = (pid: number): string | undefined =>
  readText(`/proc/${pid}/environ`)
    .split('\0')
    .find((entry) => entry.startsWith('KEELSON_HOME='))
    ?.slice('KEELSON_HOME='.length);

function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}

function linkTarget(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    return '';
  }
}
