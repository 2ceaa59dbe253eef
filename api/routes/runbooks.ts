import { z } from 'zod';
import { KeelsonError } from '../../core/errors.js';
import type { Action } from '../../core/people/actions.js';
import { RUNBOOK_SPECS } from '../../core/runbook/registry.js';
import { resourceOf, RUNBOOKS } from '../../core/runbook/spec.js';
import type { RunCommandKind } from '../../core/runbook/status.js';
import type { Caller } from '../auth/caller.js';
import { changeAs } from '../change-as.js';
import type { ApiContext } from '../context.js';
import { DONE, doneSchema } from '../http/done.js';
import { idInput, limitInput, reasonInput, textInput, USUAL_LIMIT } from '../http/input.js';
import { assertAccount } from '../read/accounts.js';
import { shownPlan } from '../../core/runbook/shown-plan.js';
import {
  planSchema,
  readRunParts,
  readRunPlan,
  readRuns,
  readShutdownUnderWay,
  readSigners,
  runPartSchema,
  runSchema,
  type Run,
} from '../read/runbooks.js';
import { route, type Route } from '../route.js';

const TELLING: Readonly<Record<RunCommandKind, { readonly access: Action; readonly summary: string; readonly hasStep: boolean }>> = {
  pause: { access: 'tellRunbook', hasStep: false, summary: 'Lets a run end the step that it is at, and begin no other.' },
  resume: { access: 'tellRunbook', hasStep: false, summary: 'Lets a paused run go on.' },
  abort: { access: 'tellRunbook', hasStep: false, summary: 'Ends a run, and takes back what it did, the last first.' },
  retry: { access: 'tellRunbook', hasStep: true, summary: 'Has a failed step done again.' },
  skip: { access: 'skipStep', hasStep: true, summary: 'Leaves a failed or unsigned step out; it is noted with name and reason.' },
  sign: { access: 'signStep', hasStep: true, summary: 'Signs a step that a person has to look at.' },
};

/** Runbooks: what can be run, what was, and what people tell a run. */
export function runbookRoutes({ database, control, newId }: ApiContext): Route[] {
  const one = async (runId: string): Promise<Run> => {
    const [run] = await readRuns(database, { runId, limit: 1 });
    if (run === undefined) throw new KeelsonError('INPUT_UNKNOWN_RUN', { run: runId });
    return run;
  };
  const tell = async (kind: RunCommandKind, caller: Caller, { runId, step, ...told }: Told): Promise<typeof DONE> => {
    const commandId = told.commandId ?? newId();
    const position = step === undefined ? null : step - 1;
    const answer = await changeAs(database, 'command_runbook', caller, { runId, commandId, kind, position, reason: told.reason });
    if (answer === 'unknown') throw new KeelsonError('INPUT_UNKNOWN_RUN', { run: runId });
    if (answer === 'notSigner') {
      const signers = await readSigners(database, runId, position ?? 0);
      throw new KeelsonError('AUTH_FORBIDDEN', { subject: caller.subject, roles: signers.join(', ') });
    }
    if (answer !== 'written')
      throw new KeelsonError('INPUT_RUNBOOK_COMMAND', { run: runId, what: kind, why: `command ${commandId} is another one` });
    await control.tellRunbook({ runId, commandId, kind });
    return DONE;
  };
  const tellRoute = (kind: RunCommandKind): Route => {
    const { access, summary, hasStep } = TELLING[kind];
    return route({
      method: 'POST',
      path: `/v1/runbooks/${kind}`,
      summary,
      access,
      body: hasStep ? toldSchema.required({ step: true }) : toldSchema.omit({ step: true }),
      response: doneSchema,
      errors: ['INPUT_UNKNOWN_RUN', 'INPUT_RUNBOOK_COMMAND', 'INFRA_TEMPORAL'],
      handle: ({ body, caller }) => tell(kind, caller, body),
    });
  };
  return [
    route({
      method: 'GET',
      path: '/v1/runbooks',
      summary: 'Runs of runbooks, newest first.',
      access: 'read',
      query: z.strictObject({ account: textInput(32).optional().describe('Only this account.'), limit: limitInput }),
      response: z.strictObject({ runs: z.array(runSchema) }),
      errors: ['INPUT_UNKNOWN_ACCOUNT'],
      handle: async ({ query: { account, limit } }) => {
        await assertAccount(database, account);
        return { runs: await readRuns(database, { account, limit: limit ?? USUAL_LIMIT }) };
      },
    }),
    route({
      method: 'GET',
      path: '/v1/runbooks/run',
      summary: 'One run, with what each step did, when and by whom.',
      access: 'read',
      query: z.strictObject({ runId: idInput.describe('The run.') }),
      response: z.strictObject({ run: runSchema, plan: planSchema.nullable(), parts: z.array(runPartSchema) }),
      errors: ['INPUT_UNKNOWN_RUN'],
      handle: async ({ query: { runId } }) => ({
        run: await one(runId),
        plan: await readRunPlan(database, runId),
        parts: await readRunParts(database, runId),
      }),
    }),
    route({
      method: 'POST',
      path: '/v1/runbooks/plan',
      summary: 'What a runbook would do if it were run now, by the same code; nothing is changed, and nothing written down.',
      access: 'askRunbook',
      body: z.strictObject({
        ...asking,
        runId: idInput.optional().describe('The id that the run is to have, which its hash covers. Made by the server when left out.'),
      }),
      response: z.strictObject({
        ...{ runId: z.string(), runbook: z.enum(RUNBOOKS), account: z.string() },
        planSha256: z.string().describe('A run under this id that does the same has the same hash.'),
        needsApproval: z.boolean().describe('Another person has to approve it before it is run.'),
        plan: planSchema,
      }),
      errors: ['INPUT_UNKNOWN_ACCOUNT', 'INPUT_RUNBOOK_NEEDS_CAUSE', 'INPUT_RUNBOOK_PLAN', 'INFRA_TEMPORAL'],
      handle: async ({ body: { runbook, account, runId = newId() }, caller: { subject } }) => {
        await assertAccount(database, account);
        if (RUNBOOK_SPECS[runbook].needsCause === true) throw new KeelsonError('INPUT_RUNBOOK_NEEDS_CAUSE', { runbook });
        const { plan, ...made } = await control.planRunbook({ runId, runbook, account, subject });
        return { ...{ runId, runbook, account }, ...made, plan: shownPlan(plan) };
      },
    }),
    route({
      method: 'POST',
      path: '/v1/runbooks/run',
      summary:
        'Asks for a runbook. It is planned first; where its plan needs another person, it waits for that. Of a graceful shutdown that is under way the answer is that one.',
      access: 'askRunbook',
      body: z.strictObject({
        ...asking,
        runId: idInput.optional().describe('A name for the run, so that asking again changes nothing. Made by the server when left out.'),
        reason: reasonInput,
      }),
      response: runSchema,
      errors: ['INPUT_UNKNOWN_ACCOUNT', 'INPUT_UNKNOWN_RUN', 'INPUT_RUNBOOK_NEEDS_CAUSE', 'INFRA_TEMPORAL'],
      handle: async ({ body: { runbook, account, runId = newId(), reason }, caller }) => {
        await assertAccount(database, account);
        if (RUNBOOK_SPECS[runbook].needsCause === true) throw new KeelsonError('INPUT_RUNBOOK_NEEDS_CAUSE', { runbook });
        // Whoever asks for it twice wants it once; a second one would only find the account taken.
        const underWay = runbook === 'gracefulShutdown' ? await readShutdownUnderWay(database, account) : undefined;
        if (underWay !== undefined) {
          // One whose workflow was lost goes on with this.
          await control.startRunbook({ runId: underWay, runbook, account });
          return one(underWay);
        }
        const resource = resourceOf({ ...RUNBOOK_SPECS[runbook], steps: [] }, account);
        const answer = await changeAs(database, 'ask_runbook', caller, { runId, runbook, account, resource, inputs: {}, reason });
        if (answer !== 'asked' && answer !== 'stored')
          throw new KeelsonError('INPUT_UNKNOWN_RUN', { run: `${runId} for that: it is another one` });
        const run = await one(runId);
        if (run.endedTime === null) await control.startRunbook({ runId, runbook, account });
        return one(runId);
      },
    }),
    ...(Object.keys(TELLING) as RunCommandKind[]).map(tellRoute),
  ];
}

const asking = {
  runbook: z.enum(RUNBOOKS, { error: () => `expected ${RUNBOOKS.join(' or ')}` }).describe('Which.'),
  account: textInput(32).describe('The account.'),
};
const toldSchema = z.strictObject({
  runId: idInput.describe('The run.'),
  step: z
    .int({ error: () => 'expected the number of a step' })
    .min(1, { error: () => 'expected the number of a step, from 1' })
    .max(1_000, { error: () => 'expected the number of a step' })
    .optional()
    .describe('The step that was looked at, from 1.'),
  commandId: idInput
    .optional()
    .describe('A name for this command, so that telling it again changes nothing. Made by the server when left out.'),
  reason: reasonInput,
});
type Told = z.output<typeof toldSchema>;
