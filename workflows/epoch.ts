import type { WorkflowInterceptors } from '@temporalio/workflow';
import { EPOCH_HEADER } from './names.js';

type WithHeaders = { readonly headers: Readonly<Record<string, unknown>> };

/**
 * P31: the epoch under which a run was started goes with it, unread, to each of its activities and to the run that goes on
 * after it. So a history from before a restore tells of itself, whoever replays it; the activities refuse it. A run of an
 * earlier release tells nothing, and what is told adds no command: every stored history replays.
 */
export function interceptors(): WorkflowInterceptors {
  let epoch: unknown;
  const carried = <Input extends WithHeaders>(input: Input): Input =>
    epoch === undefined ? input : { ...input, headers: { ...input.headers, [EPOCH_HEADER]: epoch } };
  return {
    inbound: [
      {
        execute(input, next) {
          epoch = input.headers[EPOCH_HEADER];
          return next(input);
        },
      },
    ],
    outbound: [
      {
        scheduleActivity: (input, next) => next(carried(input)),
        scheduleLocalActivity: (input, next) => next(carried(input)),
        startChildWorkflowExecution: (input, next) => next(carried(input)),
        continueAsNew: (input, next) => next(carried(input)),
      },
    ],
  };
}
