import type { Pool } from 'pg';
import type { DrawdownEvidence, DrawdownFacts, DrawdownStore } from '../../activities/ports/drawdown.js';
import { KeelsonError } from '../../core/errors.js';
import { FEE_PRICE_MAX_AGE_MS } from '../../core/ledger/fee-value.js';
import type { ValuedFill } from '../../core/ledger/results.js';
import { decimal, type DecimalText } from '../../core/money/index.js';
import { jsonOf, run, type Statement } from './pool.js';

const ATTACH = { name: 'attach_drawdown', text: 'select attach_drawdown($1) as answer' };
const READ = { name: 'read_drawdown', text: 'select read_drawdown($1) as answer' };
const EVIDENCE = { name: 'drawdown_evidence', text: 'select drawdown_evidence($1) as answer' };
const KEEP = { name: 'keep_drawdown_evidence', text: 'select keep_drawdown_evidence($1::jsonb) as answer' };
const REPORT = { name: 'report_drawdown', text: 'select report_drawdown($1::jsonb) as answer' };
const FILLS = { name: 'drawdown_fills', text: 'select drawdown_fills($1::jsonb) as answer' };
const EXECUTIONS = { name: 'drawdown_executions', text: 'select drawdown_executions($1::jsonb) as answer' };
const STEPS = { name: 'drawdown_steps', text: 'select drawdown_steps($1) as answer' };

/** How many fills are held at a time, however many there are. */
const PAGE = 2_000;

type Amounts = 'price' | 'quantity' | 'fee';
interface FillRow extends Omit<ValuedFill, Amounts | 'amount' | 'feePrice'>, Readonly<Record<Amounts, DecimalText>> {
  readonly amount: DecimalText | null;
  readonly feePrice: DecimalText | null;
}
interface ExecutionRow {
  readonly strategy: string;
  readonly instrument: string;
  readonly side: 'buy' | 'sell';
  readonly quantity: DecimalText;
  readonly notional: DecimalText;
  readonly decided: DecimalText | null;
}

/** Drawdowns in Postgres. `reading`: what reads all of an account may take longer than what an order waits for. */
export function createDrawdownStore(pool: Pool, reading: Pool): DrawdownStore {
  const ask = async <T>(of: Pool, statement: Statement, value: string): Promise<T | null | undefined> =>
    (await run<{ answer: T | null }>(of, statement, [value]))[0]?.answer;
  const needed = <T>(answer: T | null | undefined, what: Statement): T => {
    if (answer === null || answer === undefined) throw new KeelsonError('INFRA_DATABASE', { detail: `${what.name} gave no answer` });
    return answer;
  };
  return {
    async attach(runId) {
      await ask(pool, ATTACH, runId);
    },
    read: async (runId) => (await ask<DrawdownFacts>(pool, READ, runId)) ?? undefined,
    evidence: async (runId) => needed(await ask<DrawdownEvidence>(reading, EVIDENCE, runId), EVIDENCE),
    async keepEvidence(runId, evidence) {
      await ask(pool, KEEP, jsonOf({ runId, evidence }));
    },
    async report(runId, report) {
      await ask(pool, REPORT, jsonOf({ runId, report }));
    },
    async *fills(account) {
      for (let after = { time: -1, booking: 0 }; ;) {
        const asked = jsonOf({ account, ...after, most: PAGE, feePriceMaxAgeMs: FEE_PRICE_MAX_AGE_MS });
        const rows = needed(await ask<readonly FillRow[]>(reading, FILLS, asked), FILLS);
        yield* rows.map(valued);
        const last = rows.at(-1);
        if (last === undefined || rows.length < PAGE) return;
        after = { time: last.eventTime, booking: last.booking };
      }
    },
    async executions(account, since) {
      const rows = needed(await ask<readonly ExecutionRow[]>(reading, EXECUTIONS, jsonOf({ account, since })), EXECUTIONS);
      return rows.map(({ quantity, notional, decided, ...row }) => ({
        ...row,
        ...{ quantity: decimal(quantity), notional: decimal(notional), decided: decided === null ? undefined : decimal(decided) },
      }));
    },
    steps: async (account) => needed(await ask<Readonly<Record<string, DecimalText>>>(reading, STEPS, account), STEPS),
  };
}

function valued({ price, quantity, amount, fee, feePrice, ...row }: FillRow): ValuedFill {
  const amounts = { price: decimal(price), quantity: decimal(quantity), fee: decimal(fee) };
  const told = amount === null ? undefined : decimal(amount);
  return { ...row, ...amounts, amount: told, feePrice: feePrice === null ? undefined : decimal(feePrice) };
}
