import { textOf, type Point } from '../programs/point.js';
import type { Program } from './program.js';
import { until } from './until.js';
import type { World } from './world.js';

const MOST_STARTS = 5;

/** Guardians of a world one after the other: each is killed at its point, the next one goes on, and the last one stays. */
export class Successors {
  /** At which points one has died. */
  readonly died: Point[] = [];
  private readonly world: World;
  private readonly env: NodeJS.ProcessEnv;
  private readonly living: Promise<Program | undefined>;
  private isClosed = false;
  private error: Error | undefined;

  constructor(world: World, deaths: readonly Point[], env: NodeJS.ProcessEnv = {}) {
    this.world = world;
    this.env = env;
    this.living = this.live(deaths).catch((error: unknown) => {
      this.error = error instanceof Error ? error : new Error(String(error));
      return undefined;
    });
  }

  /** The last one, when all others have died. @throws what has kept one from coming to its point */
  async last(): Promise<Program> {
    const program = await this.living;
    this.check();
    if (program === undefined) throw new Error('the guardians were closed before the last one had begun');
    return program;
  }

  /** @throws what has kept one from coming to its point */
  check(): void {
    if (this.error !== undefined) throw this.error;
  }

  /** No other is started. */
  async close(): Promise<void> {
    this.isClosed = true;
    await this.living;
  }

  private async live(deaths: readonly Point[]): Promise<Program | undefined> {
    for (const death of deaths) if (!(await this.diesAt(death))) return undefined;
    return this.isClosed ? undefined : this.world.start('guardian', this.env);
  }

  /** One that gives up before, since a starved database did not answer it in time, has another one in its place. @returns false where they were closed */
  private async diesAt(death: Point): Promise<boolean> {
    const point = textOf(death);
    for (let starts = 1; !this.isClosed; starts += 1) {
      const program = this.world.launch('guardian', { ...this.env, KEELSON_TEST_POINT: point });
      const isOver = (): boolean => this.isClosed || program.struckTime !== undefined || program.hasGivenUp;
      await until(`a guardian is killed at ${point}`, isOver, () => program.describe());
      if (program.struckTime !== undefined) {
        await program.ended;
        this.died.push(death);
        return true;
      }
      if (program.hasGivenUp && starts === MOST_STARTS)
        throw new Error(`${starts} guardians gave up before ${point}:\n${program.logTail()}`);
    }
    return false;
  }
}
