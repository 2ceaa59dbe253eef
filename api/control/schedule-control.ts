import { ScheduleNotFoundError, type Client, type ScheduleDescription, type ScheduleSummary } from '@temporalio/client';
import { KeelsonError } from '../../core/errors.js';
import type { ControlPort, Schedule } from './control-port.js';

/** Schedules as Temporal keeps them; what they are to be is declared at the guardian's start. */
export function scheduleControl(client: Client, answerLimitMs: number): Pick<ControlPort, 'schedules' | 'controlSchedule'> {
  const asked = async <T>(call: () => Promise<T>): Promise<T> => {
    try {
      return await client.withDeadline(Date.now() + answerLimitMs, call);
    } catch (error) {
      if (error instanceof ScheduleNotFoundError)
        throw new KeelsonError('INPUT_UNKNOWN_SCHEDULE', { schedule: error.scheduleId, known: await known() }, { cause: error });
      throw new KeelsonError(
        'INFRA_TEMPORAL',
        { detail: `the schedules gave no answer within ${answerLimitMs / 1_000} s` },
        { cause: error },
      );
    }
  };
  /** For whoever has mistyped one; where Temporal does not list them now, the answer is what it is without. */
  const known = async (): Promise<string> => {
    try {
      const ids: string[] = [];
      await client.withDeadline(Date.now() + answerLimitMs, async () => {
        for await (const { scheduleId } of client.schedule.list()) ids.push(scheduleId);
      });
      return ids.toSorted().join(', ') || 'none';
    } catch {
      return 'not told just now';
    }
  };
  return {
    schedules: () =>
      asked(async () => {
        const found: Schedule[] = [];
        for await (const one of client.schedule.list()) {
          const { info } = await client.schedule.getHandle(one.scheduleId).describe();
          found.push(scheduleOf(one, info));
        }
        return found.toSorted((one, other) => (one.id < other.id ? -1 : 1));
      }),
    controlSchedule: (id, kind, note) =>
      asked(async () => {
        const handle = client.schedule.getHandle(id);
        if (kind === 'pause') await handle.pause(note);
        else if (kind === 'resume') await handle.unpause(note);
        else await handle.trigger();
      }),
  };
}

/** What was left out is not in the list. */
function scheduleOf({ scheduleId, action, state, info }: ScheduleSummary, counted: ScheduleDescription['info']): Schedule {
  return {
    id: scheduleId,
    workflow: action?.workflowType ?? '',
    isPaused: state.paused,
    note: state.note ?? '',
    nextTime: state.paused ? null : (info.nextActionTimes[0]?.getTime() ?? null),
    lastTime: info.recentActions.at(-1)?.takenAt.getTime() ?? null,
    missed: counted.numActionsMissedCatchupWindow,
    skipped: counted.numActionsSkippedOverlap,
  };
}
