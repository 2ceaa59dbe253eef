import { z } from 'zod';
import type { ApiContext } from '../context.js';
import { changeAs } from '../change-as.js';
import type { ScheduleCommand } from '../control/control-port.js';
import { DONE, doneSchema } from '../http/done.js';
import { reasonInput, textInput } from '../http/input.js';
import { time } from '../read/schemas.js';
import { route, type Route } from '../route.js';

const scheduleSchema = z.strictObject({
  id: z.string(),
  workflow: z.string().describe('What it starts.'),
  isPaused: z.boolean(),
  note: z.string().describe('What the person who paused or resumed it has said.'),
  nextTime: time.nullable().describe('Null while it is paused.'),
  lastTime: time.nullable(),
  missed: z.int().describe('How often it was due while nothing could start it, for longer than it is done late, since it was made.'),
  skipped: z.int().describe('How often it was due while the one before was at work, since it was made.'),
});

const SUMMARIES: Readonly<Record<ScheduleCommand, string>> = {
  pause: 'Lets a schedule start nothing until it is resumed, restarts included.',
  resume: 'Lets a paused schedule start again what is due from now on; what it missed is not caught up.',
  trigger: 'Starts what a schedule starts, once, now.',
};

/** What is done by the clock. */
export function scheduleRoutes({ database, control }: ApiContext): Route[] {
  const commandRoute = (kind: ScheduleCommand): Route =>
    route({
      method: 'POST',
      path: `/v1/schedules/${kind}`,
      summary: SUMMARIES[kind],
      access: 'controlSchedule',
      body: z.strictObject({ schedule: textInput(128).describe('Its id.'), reason: reasonInput }),
      response: doneSchema,
      errors: ['INPUT_UNKNOWN_SCHEDULE', 'INFRA_TEMPORAL'],
      handle: async ({ body: { schedule, reason }, caller }) => {
        await changeAs(database, 'audit_schedule', caller, { kind, schedule, reason });
        await control.controlSchedule(schedule, kind, `${caller.subject}: ${reason}`);
        // People are told of what is so, not of what was tried.
        if (kind !== 'trigger') await changeAs(database, 'tell_schedule', caller, { kind, schedule, reason });
        return DONE;
      },
    });
  return [
    route({
      method: 'GET',
      path: '/v1/schedules',
      summary: 'What is done by the clock: when next, when last, and what is paused.',
      access: 'read',
      response: z.strictObject({ schedules: z.array(scheduleSchema) }),
      errors: ['INFRA_TEMPORAL'],
      handle: async () => ({ schedules: await control.schedules() }),
    }),
    ...(Object.keys(SUMMARIES) as ScheduleCommand[]).map(commandRoute),
  ];
}
