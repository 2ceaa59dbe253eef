export { killSwitch } from './kill-switch/kill-switch.js';
export { refreshCalendar } from './operations/calendar/refresh-calendar.js';
export { reconcileAccount } from './reconcile/reconcile-account.js';
export { settleOrder } from './order/settle.js';
export { protectPosition } from './protect-position/protect-position.js';
export { signalToOrder } from './signal-to-order/signal-to-order.js';
export { watchAccount, watchBars } from './streams/streams.js';
export { runbook, scheduledRunbook } from './operations/runbook/runbook.js';
export { tradingControl } from './trading-control/trading-control.js';
