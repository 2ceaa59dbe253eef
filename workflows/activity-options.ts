import type { ActivityOptions, LocalActivityOptions, RetryPolicy } from '@temporalio/workflow';

/** Database and venue come back: ask again without end, at most every 10 s. For steps that must happen. */
const UNTIL_DONE: RetryPolicy = { initialInterval: '200ms', backoffCoefficient: 2, maximumInterval: '10s' };

/** Before the send, time is short: a few quick tries, then the order is not sent. */
const WHILE_FRESH: RetryPolicy = { initialInterval: '50ms', backoffCoefficient: 2, maximumInterval: '500ms', maximumAttempts: 5 };

/** Authorise: at most a few reads and statements, each bounded by the statement's time-out of 1 s. */
export const AUTHORISE: LocalActivityOptions = {
  startToCloseTimeout: '4s',
  scheduleToCloseTimeout: '10s',
  retry: WHILE_FRESH,
};

/**
 * Submit: one compare-and-set and one send with a deadline of its own. Tried again only when the compare-and-set did not
 * answer; the row, not this policy, forbids a second send (P8).
 */
export const SUBMIT: LocalActivityOptions = { startToCloseTimeout: '12s', scheduleToCloseTimeout: '24s', retry: WHILE_FRESH };

/** Authorise and submit of an entry in one step, with what each of them may take. */
export const ENTER: LocalActivityOptions = { startToCloseTimeout: '16s', scheduleToCloseTimeout: '34s', retry: WHILE_FRESH };

/** One statement that reads what the owner of a position decides on. */
export const LOOK: LocalActivityOptions = { startToCloseTimeout: '4s', scheduleToCloseTimeout: '10s', retry: WHILE_FRESH };

/**
 * Handing a signal to the owner of its position: the call lasts as long as the exit does, and is made again, with the same
 * id, until the owner has answered.
 */
export const HAND_OVER: ActivityOptions = { startToCloseTimeout: '70s', heartbeatTimeout: '5s', retry: UNTIL_DONE };

/** Writing down what is known: it must happen, however long the database is away. Taken up by another worker within 5 s. */
export const RECORD: ActivityOptions = { startToCloseTimeout: '10s', heartbeatTimeout: '5s', retry: UNTIL_DONE };

/** The reply to a send, written down in the task that sent: what is known is held in memory only for as short as can be. */
export const RECORD_AT_ONCE: LocalActivityOptions = { startToCloseTimeout: '4s', scheduleToCloseTimeout: '10s', retry: WHILE_FRESH };

/** Looking after a resting entry: half a minute at a time, taken up by another worker within 5 s. */
export const TEND: ActivityOptions = { startToCloseTimeout: '90s', heartbeatTimeout: '5s', retry: UNTIL_DONE };

/**
 * One look-up at the venue with its bookings; an exit may wait for it with its stop taken away, so it is soon taken up (P23). A venue that refuses
 * reads for their rate is asked for each of them again: what were begun anew meanwhile would only ask for more beside it.
 */
export const RESOLVE: ActivityOptions = { startToCloseTimeout: '90s', heartbeatTimeout: '5s', retry: UNTIL_DONE };

/** Streams run for an hour and then return; a missed heartbeat moves them to another worker within 5 s. */
export const STREAM: ActivityOptions = {
  startToCloseTimeout: '70m',
  heartbeatTimeout: '5s',
  retry: { initialInterval: '500ms', backoffCoefficient: 2, maximumInterval: '5s' },
  cancellationType: 'WAIT_CANCELLATION_COMPLETED',
};

/** One statement on the control row. */
export const CONTROL: ActivityOptions = { startToCloseTimeout: '5s', retry: UNTIL_DONE };

/** The same for what may have the account compared and the venue asked before it. */
export const CONTROL_COMPARED: ActivityOptions = { startToCloseTimeout: '30s', heartbeatTimeout: '5s', retry: UNTIL_DONE };

/**
 * One look of a reconciliation. While another look at the account goes on, or the venue is away for a moment, it is tried
 * again; what does not come about within two minutes is left to the next run.
 */
export const RECONCILE_LOOK: ActivityOptions = {
  startToCloseTimeout: '45s',
  scheduleToCloseTimeout: '2m',
  heartbeatTimeout: '5s',
  retry: { initialInterval: '1s', backoffCoefficient: 2, maximumInterval: '10s' },
};

/**
 * A step of a kill. It is not tried again by itself: the workflow sees each failure, tells it, and goes on, so that what
 * hangs on one part keeps no other waiting. A worker that dies is replaced within 5 s.
 */
export const KILL_STEP: ActivityOptions = { startToCloseTimeout: '60s', heartbeatTimeout: '5s', retry: { maximumAttempts: 1 } };

/** Ending a latch: one statement, and before it a comparison of each account with its venue, which may have to wait for another. */
export const RELEASE: ActivityOptions = { startToCloseTimeout: '3m', heartbeatTimeout: '5s', retry: UNTIL_DONE };

/** Planning reads whatever the steps read; what cannot be read in a few tries is told to people. */
export const RUNBOOK_PLAN: ActivityOptions = {
  startToCloseTimeout: '60s',
  heartbeatTimeout: '5s',
  retry: { initialInterval: '200ms', backoffCoefficient: 2, maximumInterval: '10s', maximumAttempts: 60 },
};

/** A part of a step of a runbook: what it finds is an answer, and only a ledger that is away is asked again. */
export const RUNBOOK_PART: ActivityOptions = { heartbeatTimeout: '5s', retry: UNTIL_DONE };

/** A file or an address is read; the database may be away for longer, and then the next refresh is as good. */
export const CALENDAR_REFRESH: ActivityOptions = {
  startToCloseTimeout: '45s',
  scheduleToCloseTimeout: '10m',
  heartbeatTimeout: '5s',
  retry: UNTIL_DONE,
};

/** Activity options with the line that the Temporal UI shows beside the step. */
export const told = <T extends ActivityOptions | LocalActivityOptions>(options: T, summary: string): T => ({ ...options, summary });
