import { temporalControl } from '../../../api/control/temporal-control.js';
import { apiUnderTest, askAs, KEYS, seedPeople, type ApiUnderTest } from '../../support/api.js';
import type { SoakWorld } from './world.js';

const LOOK_EACH_MS = 5_000;
/** A comparison is asked for no more often: each costs the machine a run. */
const COMPARE_EACH_MS = 20_000;

/**
 * The risk officer of a world, at its API. An account that something has paused, and whose differences have gone since without anybody's
 * doing, is compared again and resumed. Nothing is decided here: what still differs stays, and is told in the end.
 */
export class Person {
  /** How often an account was resumed, by what had paused it. */
  readonly resumed = new Map<string, number>();
  private readonly world: SoakWorld;
  private readonly api: ApiUnderTest;
  private readonly timer: NodeJS.Timeout;
  private readonly comparedTimes = new Map<string, number>();
  private looking: Promise<void> | undefined;

  private constructor(world: SoakWorld, api: ApiUnderTest) {
    this.world = world;
    this.api = api;
    this.timer = setInterval(() => {
      // A server that was taken away is none of a person's business: they look again later.
      this.looking ??= this.look()
        .catch(() => undefined)
        .finally(() => (this.looking = undefined));
    }, LOOK_EACH_MS);
  }

  static async at(world: SoakWorld): Promise<Person> {
    await seedPeople(world.pool);
    const control = temporalControl({ connection: { address: world.servers.temporalAddress }, namespace: world.namespace });
    const { pool, url } = world;
    return new Person(world, apiUnderTest({ url, pool, drop: () => Promise.resolve() }, { control }));
  }

  async close(): Promise<void> {
    clearInterval(this.timer);
    await this.looking;
    await this.api.context.control.close();
    await this.api.close();
  }

  private async look(): Promise<void> {
    const { rows } = await this.world.pool.query<{ account: string; classes: string; standing: number; version: string }>(
      `select c.account, c.version::text, coalesce((select string_agg(one, ' ') from jsonb_array_elements_text(c.reconciliation_hold->'classes') one), 'unknown') as classes,
         (select count(*) from reconciliation_differences d where d.account = c.account and d.ended_at is null)::int as standing
       from control c where c.mode = 'paused'`,
    );
    for (const { account, classes, standing, version } of rows) {
      await this.compare(account);
      if (standing > 0) continue;
      const body = { account, reason: 'the books agree with the venue again', expectedVersion: Number(version) };
      const { status } = await askAs(this.api.server, KEYS.risk, 'POST', '/v1/control/resume', body);
      if (status === 200) this.resumed.set(classes, (this.resumed.get(classes) ?? 0) + 1);
    }
  }

  private async compare(account: string): Promise<void> {
    if (performance.now() - (this.comparedTimes.get(account) ?? Number.NEGATIVE_INFINITY) < COMPARE_EACH_MS) return;
    this.comparedTimes.set(account, performance.now());
    await askAs(this.api.server, KEYS.risk, 'POST', '/v1/reconciliations', { account });
  }
}
