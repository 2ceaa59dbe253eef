import type { Pool } from 'pg';
import { jsonOf, run } from './pool.js';

const RAISE = { name: 'raise_alert', text: 'select raise_alert($1::jsonb) as answer' };
/** Also what a process has told that is gone: whoever begins it now has begun it. */
const END = { name: 'end_beginning', text: 'update alerts set next_at = null where next_at is not null and starts_with(alert_key, $1)' };

/** What Temporal has to run for a process, and does not run yet. */
export interface Beginning {
  /** Of the process: its role and which of them it is. */
  readonly who: string;
  readonly what: string;
  readonly account: string | null;
}

export interface BeginningStore {
  /** Tells people, once for each time that it is not begun. @param since epoch ms by the process's own clock */
  tell(beginning: Beginning, since: number, detail: string): Promise<void>;
  /** It is begun: what people were told of it is not told again. */
  end(beginning: Beginning): Promise<void>;
}

/** In Postgres. @throws KeelsonError INFRA_DATABASE from every method. */
export function createBeginningStore(pool: Pool): BeginningStore {
  return {
    async tell(beginning, since, detail) {
      const { who, what, account } = beginning;
      const summary =
        `What has to run for ${what} is not begun, since Temporal does not answer ${who} (${detail}): nobody does it until then, ` +
        'unless another process of this kind does. It is tried again and again. See that the Temporal server answers.';
      const alert = { key: `${keyOf(beginning)}${since}`, account, severity: 'error', kind: 'beginning.waits', summary };
      await run(pool, RAISE, [jsonOf({ ...alert, subject: who, data: { who, what, since } })]);
    },
    async end(beginning) {
      await run(pool, END, [keyOf(beginning)]);
    },
  };
}

const keyOf = ({ who, what }: Beginning): string => `beginning.waits:${who}:${what}:`;
