import { ApplicationFailure } from '@temporalio/activity';

const TYPE = 'WORKER_STOPS';

/** What an activity throws that is not done when its worker stops: it is begun again by another, or by the next one to start. */
export const workerStops = (): ApplicationFailure => ApplicationFailure.retryable('this worker stops; another takes it up', TYPE);

export const isWorkerStopping = (error: unknown): boolean => error instanceof ApplicationFailure && error.type === TYPE;
