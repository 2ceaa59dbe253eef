import { runAsProcess } from './composition/main.js';
import { tradingRole } from './roles/trading.js';

/** Market-data streams, strategies, models, signal-to-order and order submission. */
await runAsProcess('trading', tradingRole);
