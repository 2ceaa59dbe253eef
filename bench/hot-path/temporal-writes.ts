import { Connection } from '@temporalio/client';
import { tsToMs } from '@temporalio/common/lib/time.js';
import type { Measured } from './figures.js';

/**
 * How many writes Temporal had made for each of these workflows when its order request arrived, read from its history: an
 * eager start is one, a start whose first task had to be fetched two, and each workflow task that was completed before the
 * request one more.
 */
export async function temporalWritesBefore(address: string, measured: readonly Measured[]): Promise<number[]> {
  const connection = await Connection.connect({ address });
  try {
    return await Promise.all(measured.map((one) => writesOf(connection, one)));
  } finally {
    await connection.close();
  }
}

async function writesOf(connection: Connection, { workflowId, postArrived }: Measured): Promise<number> {
  const { history } = await connection.workflowService.getWorkflowExecutionHistory({
    namespace: 'default',
    execution: { workflowId },
  });
  const events = history?.events ?? [];
  const isEager = events[0]?.workflowExecutionStartedEventAttributes?.eagerExecutionAccepted === true;
  const completed = events.filter((event) => event.workflowTaskCompletedEventAttributes && tsToMs(event.eventTime) < postArrived);
  return (isEager ? 1 : 2) + completed.length;
}
