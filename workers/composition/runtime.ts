import { DefaultLogger, Runtime, type LogEntry } from '@temporalio/worker';
import type { Logger } from 'pino';

/** Sends what the SDK logs, from warnings on, where everything else of this process goes. */
export function quietRuntime(log: Logger): void {
  const logger = new DefaultLogger('WARN', ({ level, message, meta }: LogEntry) => {
    if (level === 'ERROR') log.error({ sdk: meta }, message);
    else log.warn({ sdk: meta }, message);
  });
  Runtime.install({
    logger,
    shutdownSignals: [],
    telemetryOptions: { logging: { forward: {}, filter: { core: 'WARN', other: 'ERROR' } } },
  });
}
