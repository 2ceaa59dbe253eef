import { spawn, type ChildProcess } from 'node:child_process';
import { join } from 'node:path';
import { rootFolder } from '../../../config/index.js';

/** `keelson kill --direct` in a process of its own, as somebody types it. */
export class DirectProgram {
  /** Everything that it has printed. */
  said = '';
  /** Its exit code, once it has ended. */
  readonly ended: Promise<number | null>;
  hasEnded = false;
  private readonly child: ChildProcess;

  constructor(env: Readonly<Record<string, string>>, flags: readonly string[] = []) {
    const { PATH, HOME, TMPDIR } = process.env;
    const args = [join(rootFolder(), 'dist', 'cli', 'main.js'), 'kill', '--direct', '--flatten', 'atOnce', ...flags];
    this.child = spawn(process.execPath, args, { env: { PATH, HOME, TMPDIR, ...env }, stdio: ['ignore', 'pipe', 'pipe'] });
    for (const stream of [this.child.stdout, this.child.stderr]) stream?.on('data', (text: Buffer) => (this.said += text.toString('utf8')));
    this.ended = new Promise((resolve) =>
      this.child.once('close', (code) => {
        this.hasEnded = true;
        resolve(code);
      }),
    );
  }

  async kill(): Promise<void> {
    if (!this.hasEnded) this.child.kill('SIGKILL');
    await this.ended;
  }
}
