import type { Pool } from 'pg';
import type { AlertStore, ClaimedDelivery, DueAlert } from '../../activities/ports/alerts.js';
import { listen } from './listener.js';
import { jsonOf, run } from './pool.js';

const DUE = { name: 'due_alerts', text: 'select due_alerts($1) as answer' };
const BEGIN_ROUND = { name: 'begin_alert_round', text: 'select begin_alert_round($1::jsonb) as answer' };
const CLAIM = { name: 'claim_alerts_of_recipients', text: 'select claim_alerts_of_recipients($1::jsonb) as answer' };
const FINISH = { name: 'finish_alert_delivery', text: 'select finish_alert_delivery($1::jsonb)' };
const CHANNEL = 'keelson_alerts';

/** Alerts in Postgres. `listen` holds a connection of its own. @throws KeelsonError INFRA_DATABASE from every method. */
export function createAlertStore(pool: Pool, url: string): AlertStore {
  return {
    async due(most) {
      const rows = await run<{ answer: readonly DueAlert[] }>(pool, DUE, [most]);
      return rows[0]?.answer ?? [];
    },
    async beginRound({ alertId, rounds }, round) {
      const rows = await run<{ answer: boolean }>(pool, BEGIN_ROUND, [jsonOf({ alertId, rounds, ...round })]);
      return rows[0]?.answer === true;
    },
    async claim(channel, free, forMs) {
      const rows = await run<{ answer: readonly ClaimedDelivery[] }>(pool, CLAIM, [jsonOf({ channel, free, forMs })]);
      return rows[0]?.answer ?? [];
    },
    async finish(deliveryId, outcome) {
      await run(pool, FINISH, [jsonOf({ deliveryId, ...outcome })]);
    },
    listen: (onAlert) =>
      listen({
        url,
        applicationName: 'keelson-alerts',
        channel: CHANNEL,
        onNotification: onAlert,
        onListening: onAlert,
        onLost: () => undefined,
      }),
  };
}
