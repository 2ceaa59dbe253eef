export { settleOrder } from './signal-to-order/settle.js';
export { signalToOrder } from './signal-to-order/signal-to-order.js';
export { watchAccount, watchBars } from './streams/streams.js';
export { tradingControl } from './trading-control/trading-control.js';
