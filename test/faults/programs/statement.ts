import { openPool, run } from '../../../adapters/store/pool.js';

/** Runs statements as a worker does, over a worker's pool, and tells whether it had an answer. */
export interface AskedStatement {
  readonly name: string;
  readonly text: string;
  readonly values: readonly unknown[];
}
export type StatementAnswer = { readonly answered: unknown } | { readonly failed: string };

const pool = openPool(process.argv[2] ?? '', { applicationName: 'keelson-trading', max: 1 });

process.on('message', ({ name, text, values }: AskedStatement) => {
  run(pool, { name, text }, values).then(
    (rows) => process.send?.({ answered: rows } satisfies StatementAnswer),
    (error: unknown) => process.send?.({ failed: String(error) } satisfies StatementAnswer),
  );
});
process.on('disconnect', () => process.exit());
process.send?.({ answered: 'ready' } satisfies StatementAnswer);
