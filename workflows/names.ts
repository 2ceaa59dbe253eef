/** Workflow types, queues and ids in one place: a starter needs nothing else. */
export const TASK_QUEUES = { trading: 'trading', guardian: 'guardian' } as const;

export const WORKFLOW_TYPES = {
  signalToOrder: 'signalToOrder',
  settleOrder: 'settleOrder',
  watchBars: 'watchBars',
  watchAccount: 'watchAccount',
  tradingControl: 'tradingControl',
} as const;

export const watchBarsWorkflowId = (account: string, interval: string): string => `bars:${account}:${interval}`;
export const watchAccountWorkflowId = (account: string): string => `watch:${account}`;
export const tradingControlWorkflowId = (account: string): string => `trading-control/${account}`;
