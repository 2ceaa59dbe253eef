import { runLasting } from './composition/main.js';
import { guardianRole } from './roles/guardian.js';

/** Trading mode, account streams, owners of positions. It shares nothing with the trading worker but Postgres and Temporal. */
await runLasting('guardian', guardianRole());
