import type { Command } from 'commander';
import type { Schedule } from '../../api/control/control-port.js';
import { addApiCommand, answers, connect, type ApiOptions, type Finish } from '../command.js';
import { harmless, table, timeText, type Column, type Terminal } from '../terminal.js';

interface CommandOptions extends ApiOptions {
  readonly reason: string;
}

const COLUMNS: readonly Column<Schedule>[] = [
  { title: 'schedule', value: ({ id }) => id },
  { title: 'starts', value: ({ workflow }) => workflow },
  { title: 'next', value: ({ nextTime, isPaused }) => (isPaused ? 'paused' : nextTime === null ? '–' : timeText(nextTime)) },
  { title: 'last', value: ({ lastTime }) => (lastTime === null ? '–' : timeText(lastTime)) },
  { title: 'missed', value: ({ missed }) => String(missed) },
  { title: 'skipped', value: ({ skipped }) => String(skipped) },
  { title: 'note', value: ({ note }) => note },
];

/** `keelson schedules …`: what is done by the clock. */
export function addSchedules(program: Command, terminal: Terminal, finish: Finish): void {
  const schedules = program.command('schedules').description('what is done by the clock');
  const list = addApiCommand(schedules, 'list', 'every schedule: when next, when last, what is paused, and what was left out', 'read');
  answers(list, terminal, finish, async (options: ApiOptions) => {
    const data = await connect(terminal, options).get<{ schedules: Schedule[] }>('/v1/schedules');
    return { data, text: table(data.schedules, COLUMNS, 'Nothing is scheduled.') };
  });
  for (const [kind, summary, outcome] of [
    ['pause', 'let a schedule start nothing until it is resumed', 'is paused'],
    ['resume', 'let a paused schedule start again what is due from now on', 'goes on'],
    ['trigger', 'start what a schedule starts, once, now', 'was started once'],
  ] as const) {
    const command = addApiCommand(schedules, kind, summary, 'controlSchedule')
      .argument('<schedule>', 'its id')
      .requiredOption('--reason <text>', 'why');
    answers(command, terminal, finish, async ({ reason, ...options }: CommandOptions, schedule: string) => {
      const data = await connect(terminal, options).post(`/v1/schedules/${kind}`, { schedule, reason });
      return { data, text: `${harmless(schedule)} ${outcome}.\n` };
    });
  }
}
