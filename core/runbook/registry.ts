import type { RunbookName, RunbookSpec } from './spec.js';

/** What there is to run, without the steps: those come with their code. */
export const RUNBOOK_SPECS: Readonly<Record<RunbookName, Omit<RunbookSpec, 'steps'>>> = {
  startUp: {
    ...{ name: 'startUp', version: 2, title: 'Start-up: checked before it trades' },
    ...{ needsApproval: false, isScheduled: false, runsUnderHalt: false, resource: 'trading' },
  },
  gracefulShutdown: {
    ...{ name: 'gracefulShutdown', version: 2, title: 'Graceful shutdown: paused, settled, told what is left' },
    ...{ needsApproval: false, isScheduled: false, runsUnderHalt: false, resource: 'trading' },
  },
  morningChecks: {
    ...{ name: 'morningChecks', version: 5, title: 'Checks before the trading day' },
    ...{ needsApproval: false, isScheduled: true, runsUnderHalt: true, resource: 'morningChecks' },
  },
  eveningChecks: {
    ...{ name: 'eveningChecks', version: 4, title: 'Checks after the trading day' },
    ...{ needsApproval: false, isScheduled: true, runsUnderHalt: true, resource: 'eveningChecks' },
  },
  venueDisconnected: {
    ...{ name: 'venueDisconnected', version: 1, title: 'A lost venue: stop, reconnect, compare, go on', needsCause: true },
    ...{ needsApproval: false, isScheduled: false, runsUnderHalt: true, resource: 'venueDisconnected' },
  },
  drawdown: {
    ...{ name: 'drawdown', version: 1, title: 'After a drawdown: freeze, evidence, report' },
    ...{ needsApproval: false, isScheduled: false, runsUnderHalt: true, resource: 'drawdown' },
  },
  // Under a halt, too: it changes nothing but has the account compared, and the halt itself ends only after a clean comparison.
  reconciliationDiscrepancy: {
    ...{ name: 'reconciliationDiscrepancy', version: 1, title: 'Account and venue differ' },
    ...{ needsApproval: false, isScheduled: false, runsUnderHalt: true, resource: 'reconciliationDiscrepancy' },
  },
};
