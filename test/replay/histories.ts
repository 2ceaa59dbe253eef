import { historyFromJSON, historyToJSON } from '@temporalio/common/lib/proto-utils.js';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export type History = ReturnType<typeof historyFromJSON>;

const FOLDER = fileURLToPath(new URL('histories', import.meta.url));

/** A stored history; `name` is its path below `histories/` without the ending: release, workflow type, path taken. */
export interface StoredHistory {
  readonly name: string;
  readonly workflowType: string;
  readonly history: History;
}

/** All stored histories, of every release. */
export function storedHistories(): StoredHistory[] {
  return readdirSync(FOLDER, { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.json'))
    .sort()
    .map((file) => {
      const history = historyFromJSON(JSON.parse(readFileSync(join(FOLDER, file), 'utf8')));
      const workflowType = history.events?.[0]?.workflowExecutionStartedEventAttributes?.workflowType?.name ?? '';
      return { name: file.slice(0, -'.json'.length), workflowType, history };
    });
}

/** The activities of a run, local ones too, in the order in which they were begun or ended. */
export function stepsOf({ events }: History): string[] {
  return (events ?? []).flatMap((event) => {
    const scheduled = event.activityTaskScheduledEventAttributes?.activityType?.name;
    if (scheduled) return [scheduled];
    const texts = Object.values(event.markerRecordedEventAttributes?.details ?? {}).flatMap(({ payloads }) =>
      (payloads ?? []).map(({ data }) => Buffer.from(data ?? []).toString('utf8')),
    );
    return /"activity_type":"(\w+)"/.exec(texts.join())?.[1] ?? [];
  });
}

/** The patches whose markers a run has. */
export function patchesOf({ events }: History): ReadonlySet<string> {
  const markers = (events ?? []).flatMap(({ markerRecordedEventAttributes: marker }) =>
    marker?.markerName === 'core_patch' ? Object.values(marker.details ?? {}) : [],
  );
  const texts = markers.flatMap(({ payloads }) => (payloads ?? []).map(({ data }) => Buffer.from(data ?? []).toString('utf8')));
  return new Set(texts.flatMap((text) => /"id":"(\w+)"/.exec(text)?.[1] ?? []));
}

type Attributes = Readonly<Record<string, unknown>>;
type Json = Attributes & { readonly eventId: string; readonly eventType: string };

/**
 * The same run, told as where each task ended with the marker of a local activity, and what the run decided on that came with the next one. So it
 * is where a run is asked something while the activity ends: to answer, the task ends.
 */
export function endedAtLocalActivities(history: History): History {
  const { events } = JSON.parse(historyToJSON(history)) as { readonly events: readonly Json[] };
  const told: Json[] = [];
  /** Where an event is now. Of a task, as of what it decided, that is its newest end. */
  const places = new Map<unknown, string>();
  const tell = (event: Json): void => {
    const eventId = String(told.length + 1);
    places.set(event.eventId, eventId);
    const attributes = Object.entries(attributesOf(event));
    const placed = attributes.map(([name, value]) => [name, name.endsWith('EventId') ? (places.get(value) ?? value) : value]);
    told.push({ ...event, eventId, [nameOfAttributes(event)]: Object.fromEntries(placed) });
  };
  for (const [index, event] of events.entries()) {
    tell(event);
    const { markerName, workflowTaskCompletedEventId: task } = attributesOf(event);
    const following = events[index + 1];
    if (markerName !== 'core_local_activity' || following === undefined) continue;
    if (attributesOf(following)['workflowTaskCompletedEventId'] !== task) continue;
    const ended = events.findIndex(({ eventId }) => eventId === task);
    const begun = Number(attributesOf(events[ended])['scheduledEventId']);
    for (const one of events.slice(0, ended + 1)) {
      const isOfTask = one.eventId === task || Number(one.eventId) === begun || attributesOf(one)['scheduledEventId'] === String(begun);
      if (isOfTask && one.eventType.includes('WORKFLOW_TASK')) tell(one);
    }
  }
  return historyFromJSON({ events: told });
}

const nameOfAttributes = (event: Json): string => Object.keys(event).find((key) => key.endsWith('EventAttributes')) ?? '';

function attributesOf(event: Json | undefined): Attributes {
  return event === undefined ? {} : ((event[nameOfAttributes(event)] ?? {}) as Attributes);
}

/** Writes a history under `name`, without what tells of the machine it was recorded on: stack traces name its folders. */
export function storeHistory(name: string, history: History): void {
  const file = join(FOLDER, `${name}.json`);
  mkdirSync(dirname(file), { recursive: true });
  // `historyToJSON` gives a text.
  const plain: unknown = JSON.parse(historyToJSON(history));
  const text = JSON.stringify(plain, (key, value: unknown) => (key === 'stackTrace' ? undefined : value), 1);
  writeFileSync(file, `${text}\n`);
}
