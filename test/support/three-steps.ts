import { bound, type BoundRunbook, type Look, type StepCode } from '../../activities/runbook/step-code.js';
import type { StepSpec } from '../../core/runbook/spec.js';

type TestWrites = { readonly set: (name: string, value: string) => Promise<void> };

const FINE: Look = { isFine: true };

/** A runbook of three steps for tests, each of which sets its name to a color: what it works on, what it did, and what it comes upon. */
export class ThreeSteps {
  readonly world = new Map<string, string>();
  /** In order. */
  readonly did: string[] = [];
  /** Verifications, in order. */
  readonly looked: string[] = [];
  /** What a look of a step finds, by `one`, `before one` or `undo one`; nothing is fine. */
  look: Record<string, Look> = {};
  color = 'red';
  version = 1;
  /** Whose action fails. */
  stuck: string | undefined;
  readonly releases: (() => void)[] = [];
  /** What an action waits for, by its step. */
  private readonly held: Record<string, Promise<void>> = {};

  /** Lets an action wait. @returns what lets it go on */
  hold(name: string): () => void {
    let release = (): void => undefined;
    this.held[name] = new Promise((resolve) => (release = resolve));
    this.releases.push(release);
    return release;
  }

  releaseAll(): void {
    for (const release of this.releases.splice(0)) release();
  }

  /** `change`: of the second step. */
  runbookOf(needsApproval: boolean, change: Partial<StepSpec> = {}, isScheduled = false): BoundRunbook {
    return bound<object, TestWrites>({
      spec: {
        ...{ name: 'morningChecks', version: this.version, title: 'A test', isScheduled, runsUnderHalt: false, resource: 'test' },
        needsApproval,
      },
      steps: [this.step('one'), this.step('two', change), this.step('three')],
      reads: {},
      writes: {
        set: async (name, value) => {
          this.did.push(`set ${name}`);
          await this.held[name];
          if (this.stuck === name) throw new Error('it is stuck');
          this.world.set(name, value);
        },
      },
    });
  }

  private step(name: string, change: Partial<StepSpec> = {}): StepCode<object, TestWrites> {
    return {
      spec: { name, title: `Step ${name}`, isCritical: true, timeoutMs: 20_000, hasUndo: true, signedWithinMs: null, ...change },
      precondition: () => Promise.resolve(this.look[`before ${name}`] ?? FINE),
      action: async (_run, _reads, { set }) => {
        await set(name, this.color);
        return { set: name };
      },
      verification: () => {
        this.looked.push(name);
        return Promise.resolve(this.look[name] ?? FINE);
      },
      undo: (_run, _reads, _writes, output) => {
        this.did.push(`undo ${name} ${output === null ? '' : String(output['set'])}`.trim());
        this.world.delete(name);
        return this.look[`undo ${name}`]?.isFine === false ? Promise.reject(new Error('it is stuck')) : Promise.resolve();
      },
    };
  }
}
