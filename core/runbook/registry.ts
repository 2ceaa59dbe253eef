import type { RunbookName, RunbookSpec } from './spec.js';

/** What there is to run, without the steps: those come with their code. */
export const RUNBOOK_SPECS: Readonly<Record<RunbookName, Omit<RunbookSpec, 'steps'>>> = {
  morningChecks: {
    ...{ name: 'morningChecks', version: 2, title: 'Checks before the trading day' },
    ...{ needsApproval: false, isScheduled: true, runsUnderHalt: true, resource: 'morningChecks' },
  },
  eveningChecks: {
    ...{ name: 'eveningChecks', version: 1, title: 'Checks after the trading day' },
    ...{ needsApproval: false, isScheduled: true, runsUnderHalt: true, resource: 'eveningChecks' },
  },
  // Under a halt, too: it changes nothing but has the account compared, and the halt itself ends only after a clean comparison.
  reconciliationDiscrepancy: {
    ...{ name: 'reconciliationDiscrepancy', version: 1, title: 'Account and venue differ' },
    ...{ needsApproval: false, isScheduled: false, runsUnderHalt: true, resource: 'reconciliationDiscrepancy' },
  },
};
