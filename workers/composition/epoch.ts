import type { WorkflowClientInterceptor } from '@temporalio/client';
import { ApplicationFailure, defaultPayloadConverter } from '@temporalio/common';
import type { ActivityInterceptorsFactory } from '@temporalio/worker';
import { failure } from '../../core/errors.js';
import { EPOCH_HEADER } from '../../workflows/names.js';

/** Before any restore. A run that tells nothing was begun by a release that told nothing, and that is no proof of a later one. */
const FIRST_EPOCH = 1;

/**
 * What changes no order: it reads streams, or carries out what a person's row says, and is begun once for an account and
 * lasts. Whatever else there is, or comes, is held to its epoch.
 */
const OF_ANY_EPOCH: ReadonlySet<string> = new Set(['streamBars', 'streamAccount', 'changeMode']);

/** P31: whatever a client starts tells under which epoch. */
export function startsUnder(epoch: number): WorkflowClientInterceptor {
  const told = { [EPOCH_HEADER]: defaultPayloadConverter.toPayload(epoch) };
  return {
    startWithDetails: (input, next) => next({ ...input, headers: { ...input.headers, ...told } }),
    signalWithStart: (input, next) => next({ ...input, headers: { ...input.headers, ...told } }),
    startUpdateWithStart: (input, next) => next({ ...input, workflowStartHeaders: { ...input.workflowStartHeaders, ...told } }),
  };
}

/** P31: an activity of a run that was begun under another epoch than this process was does nothing, for good. */
export function refusesOtherEpochs(epoch: number): ActivityInterceptorsFactory {
  return ({ info }) => ({
    inbound: {
      execute(input, next) {
        const payload = input.headers[EPOCH_HEADER];
        const begunUnder = payload === undefined ? FIRST_EPOCH : defaultPayloadConverter.fromPayload<unknown>(payload);
        if (begunUnder === epoch || OF_ANY_EPOCH.has(info.activityType)) return next(input);
        const { code, message, values } = failure('RISK_EPOCH', { epoch: String(begunUnder), current: String(epoch) });
        throw ApplicationFailure.nonRetryable(message, code, { code, message, values });
      },
    },
  });
}
