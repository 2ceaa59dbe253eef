import { defaultPayloadConverter } from '@temporalio/common';
import type { WorkflowHandle } from '@temporalio/client';

type History = Awaited<ReturnType<WorkflowHandle['fetchHistory']>>;

/** What the page of a run shows to a person who opens no payload. */
export interface RunPage {
  readonly summary: string | undefined;
  /** Markdown, as the run has set it last. */
  readonly currentDetails: string;
  /** The lines beside its steps, each once, in the order in which they came. */
  readonly steps: readonly string[];
}

/** Reads it as the page does: from the run's description, the query that every workflow answers, and the events. */
export async function runPage(handle: WorkflowHandle): Promise<RunPage> {
  const description = await handle.describe();
  const { currentDetails } = await handle.query<{ readonly currentDetails?: string }>('__temporal_workflow_metadata');
  const { events } = await handle.fetchHistory();
  const steps = (events ?? []).slice(1).flatMap((event) => {
    const summary = event.userMetadata?.summary;
    return summary ? [defaultPayloadConverter.fromPayload<string>(summary)] : [];
  });
  return { summary: await description.staticSummary(), currentDetails: currentDetails ?? '', steps: [...new Set(steps)] };
}

/** Everything that a history says: each text, and each payload as the text that it holds. */
export function textOfHistory(history: History): string {
  const texts: string[] = [];
  const walk = (value: unknown): void => {
    if (typeof value === 'string') texts.push(value);
    else if (value instanceof Uint8Array) texts.push(Buffer.from(value).toString('utf8'));
    else if (typeof value === 'object' && value !== null) for (const inner of Object.values(value)) walk(inner);
  };
  walk(history);
  return texts.join('\n');
}
