import { z } from 'zod';
import { KeelsonError } from '../../core/errors.js';
import { DECISIONS } from '../../core/reconcile/difference.js';
import { changeAs } from '../change-as.js';
import type { ApiContext } from '../context.js';
import { DONE, doneSchema } from '../http/done.js';
import { idInput, limitInput, reasonInput, textInput, USUAL_LIMIT, yesNoInput } from '../http/input.js';
import { daysBefore } from '../ledger/series-days.js';
import { assertAccount, readAccounts } from '../read/accounts.js';
import { differenceSchema, readDifferences, readRuns, runSchema } from '../read/reconciliations.js';
import { decideDifference } from '../reconciliations/decide.js';
import { route, type Route } from '../route.js';

const accountInput = textInput(32).optional().describe('Only this account.');
const differenceInput = textInput(18).regex(/^\d+$/, { error: () => 'expected the number of a difference' });

/** Venue, ledger and workflows against one another: what was found, and what a person decides about it. */
export function reconciliationRoutes({ database, control, newId, now, longReads }: ApiContext): Route[] {
  return [
    route({
      method: 'POST',
      path: '/v1/reconciliations',
      summary: 'Has accounts compared with their venues now. Answers with the runs, which go on; what they find is listed.',
      access: 'reconcile',
      body: z.strictObject({
        account: textInput(32).optional().describe('The account; all that are configured when left out.'),
        deep: z
          .boolean({ error: () => 'expected true or false' })
          .default(false)
          .describe('A day of fills anew, and the books against themselves.'),
      }),
      response: z.strictObject({ runs: z.array(z.strictObject({ runId: z.string(), account: z.string() })) }),
      errors: ['INPUT_UNKNOWN_ACCOUNT', 'INFRA_TEMPORAL'],
      handle: async ({ body: { account, deep }, caller }) => {
        await assertAccount(database, account);
        // One that has left the configuration has no venue any more, and nothing there.
        const configured = async () => (await readAccounts(database)).filter(({ isRetired }) => !isRetired).map((one) => one.account);
        const accounts = account === undefined ? await configured() : [account];
        const runs = accounts.map((one) => ({ runId: newId(), account: one }));
        const scope = deep ? 'deepDemand' : 'demand';
        for (const run of runs) {
          await changeAs(database, 'ask_reconciliation', caller, { ...run, scope });
          await control.reconcile({ ...run, scope });
        }
        return { runs };
      },
    }),
    route({
      method: 'GET',
      path: '/v1/reconciliations',
      summary: 'Comparisons, newest first, and the differences that stand.',
      access: 'read',
      query: z.strictObject({
        account: accountInput,
        runId: idInput.optional().describe('Only this comparison, with everything that it found.'),
        all: yesNoInput('true: also differences that are over.'),
        limit: limitInput,
      }),
      response: z.strictObject({ runs: z.array(runSchema), differences: z.array(differenceSchema) }),
      errors: ['INPUT_UNKNOWN_ACCOUNT'],
      handle: async ({ query: { account, runId, all, limit = USUAL_LIMIT } }) => {
        await assertAccount(database, account);
        const isAll = all === 'true' || runId !== undefined;
        return {
          runs: await readRuns(database, { account, runId, limit }),
          differences: await readDifferences(database, { account, runId, all: isAll, limit }),
        };
      },
    }),
    route({
      method: 'GET',
      path: '/v1/reconciliations/difference',
      summary: 'One difference with the evidence of both sides.',
      access: 'read',
      query: z.strictObject({ differenceId: differenceInput.describe('Its number.') }),
      response: differenceSchema,
      errors: ['INPUT_UNKNOWN_DIFFERENCE'],
      handle: async ({ query: { differenceId } }) => {
        const [found] = await readDifferences(database, { differenceId, all: true, limit: 1 });
        if (found === undefined) throw new KeelsonError('INPUT_UNKNOWN_DIFFERENCE', { difference: differenceId });
        return found;
      },
    }),
    route({
      method: 'POST',
      path: '/v1/reconciliations/decide',
      summary:
        'Decides a difference that waits for a person, and closes its incident. The account goes on when a person resumes it, which a new reconciliation has to find clean first; by itself only after classes of `liftAfter`.',
      access: 'decideDifference',
      body: z.strictObject({
        differenceId: differenceInput.describe('Its number.'),
        decision: z
          .enum(DECISIONS, { error: () => `expected ${DECISIONS.join(', ')}` })
          .describe(
            'adopt: the venue’s order is looked after like one of ours; what a strategy has bought is its position again, with the stop that rests for it. cancel: it is canceled there, or the workflow is. book: what it moved is entered in the ledger. rebuild: what the ledger derives is written anew from its entries. reject: it stays as it is, and is not told again while it does.',
          ),
        strategy: textInput(64)
          .optional()
          .describe('For adopt: whose order it becomes. For book: whose units an order by another hand has sold.'),
        reason: reasonInput,
      }),
      response: doneSchema,
      errors: [
        'INPUT_UNKNOWN_DIFFERENCE',
        'INPUT_DIFFERENCE_SETTLED',
        'INPUT_DECISION_IMPOSSIBLE',
        'INPUT_DECISION_TOO_EARLY',
        'LEDGER_NOT_REBUILT',
      ],
      handle: async ({ body, caller }) => {
        await decideDifference(database, caller, body, longReads, daysBefore(now()));
        return DONE;
      },
    }),
  ];
}
