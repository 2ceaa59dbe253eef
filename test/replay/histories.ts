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

/** Writes a history under `name`, without what tells of the machine it was recorded on: stack traces name its folders. */
export function storeHistory(name: string, history: History): void {
  const file = join(FOLDER, `${name}.json`);
  mkdirSync(dirname(file), { recursive: true });
  // `historyToJSON` gives a text.
  const plain: unknown = JSON.parse(historyToJSON(history));
  const text = JSON.stringify(plain, (key, value: unknown) => (key === 'stackTrace' ? undefined : value), 1);
  writeFileSync(file, `${text}\n`);
}
