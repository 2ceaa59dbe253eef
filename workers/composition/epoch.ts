import type { WorkflowClientInterceptor } from '@temporalio/client';
import { ApplicationFailure, defaultPayloadConverter, type Payload } from '@temporalio/common';
import type { ActivityInterceptorsFactory } from '@temporalio/worker';
import type { CalendarActivities } from '../../activities/calendar/index.js';
import type { ReconcileActivities } from '../../activities/reconcile/index.js';
import type { RunbookActivities } from '../../activities/runbook/index.js';
import { failure } from '../../core/errors.js';
import { EPOCH_HEADER } from '../../workflows/names.js';

/** Before any restore. A run that tells nothing was begun by a release that told nothing, and that is no proof of a later one. */
export const FIRST_EPOCH = 1;

/**
 * What is begun by a person or a schedule and lasts, and has its epoch elsewhere or needs none: streams only read; a mode is changed by
 * a person's row; a comparison starts from the rows and the venue of this moment, and repairs by statements that know the epoch; the
 * economic calendar is read from outside; a run of a runbook has its epoch in its own row, which each part asks, and a plan that is only told changes nothing. Schedules are the server's own starts and could tell none.
 * Whatever else there is, or comes, is held to its epoch.
 */
const OF_ANY_EPOCH: ReadonlySet<string> = new Set<string>([
  ...['streamBars', 'streamAccount', 'changeMode'],
  ...(['reconcile', 'reconcileFailed'] satisfies (keyof ReconcileActivities)[]),
  ...(['calendarRefresh'] satisfies (keyof CalendarActivities)[]),
  ...([
    ...(['runbookOpen', 'runbookPreview', 'runbookPlan', 'runbookBegin', 'runbookPart', 'runbookTell', 'runbookCall'] as const),
    ...(['runbookCommand', 'runbookRefused', 'runbookApplied', 'runbookEnd'] as const),
  ] satisfies (keyof RunbookActivities)[]),
]);

/** P31: whatever a client starts tells under which epoch. */
export function startsUnder(epoch: number): WorkflowClientInterceptor {
  const told = { [EPOCH_HEADER]: defaultPayloadConverter.toPayload(epoch) };
  return {
    startWithDetails: (input, next) => next({ ...input, headers: { ...input.headers, ...told } }),
    signalWithStart: (input, next) => next({ ...input, headers: { ...input.headers, ...told } }),
    startUpdateWithStart: (input, next) => next({ ...input, workflowStartHeaders: { ...input.workflowStartHeaders, ...told } }),
  };
}

/** What a run's header tells. */
export function epochOf(told: Payload | undefined): unknown {
  return told === undefined ? FIRST_EPOCH : defaultPayloadConverter.fromPayload<unknown>(told);
}

/** P31: an activity of a run that was begun under another epoch than this process was does nothing, for good. */
export function refusesOtherEpochs(epoch: number): ActivityInterceptorsFactory {
  return ({ info }) => ({
    inbound: {
      execute(input, next) {
        const begunUnder = epochOf(input.headers[EPOCH_HEADER]);
        if (begunUnder === epoch || OF_ANY_EPOCH.has(info.activityType)) return next(input);
        const { code, message, values } = failure('RISK_EPOCH', { epoch: String(begunUnder), current: String(epoch) });
        throw ApplicationFailure.nonRetryable(message, code, { code, message, values });
      },
    },
  });
}
