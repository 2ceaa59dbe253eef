/** Workflow types, queues and ids in one place: a starter needs nothing else. */
export const TASK_QUEUES = { trading: 'trading', guardian: 'guardian' } as const;

/** Of a run and of its activities: the instance's epoch under which the run was started (P31). */
export const EPOCH_HEADER = 'keelson-epoch';

export const WORKFLOW_TYPES = {
  signalToOrder: 'signalToOrder',
  settleOrder: 'settleOrder',
  protectPosition: 'protectPosition',
  watchBars: 'watchBars',
  watchAccount: 'watchAccount',
  tradingControl: 'tradingControl',
  killSwitch: 'killSwitch',
  runbook: 'runbook',
  scheduledRunbook: 'scheduledRunbook',
  planRunbook: 'planRunbook',
  reconcileAccount: 'reconcileAccount',
  refreshCalendar: 'refreshCalendar',
} as const;

/**
 * What a build tells to the run of a signal about itself, as a second argument: that its positions have owners, and, as `shows`, that the run itself says
 * what it is of. It is in the input and needs no patch marker, which would cost each run an event and another write of its place in the list.
 */
export type SignalForm = 'owners' | 'shows';
export const SIGNAL_FORM = 'shows' satisfies SignalForm;

export const watchBarsWorkflowId = (account: string, interval: string): string => `bars:${account}:${interval}`;
/** `instance`: which guardian's stream; the first one's has no number. */
export const watchAccountWorkflowId = (account: string, instance = '1'): string =>
  instance === '1' ? `watch:${account}` : `watch:${account}:${instance}`;
export const tradingControlWorkflowId = (account: string): string => `trading-control/${account}`;
/** `which`: the cause, of which one at a time is enough, or the id of a run that somebody waits for. */
export const reconcileWorkflowId = (account: string, which: string): string => `reconcile:${account}:${which}`;
export const CALENDAR_WORKFLOW_ID = 'calendar';
export const killWorkflowId = (account: string): string => `kill:${account}`;
