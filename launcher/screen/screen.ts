import type { LauncherEvent, StepEvent } from './events.js';
import { harmless } from './harmless.js';
import { choosePaint } from './paint.js';
import { stepLine, textLines } from './text.js';

/** What the screen needs of an output stream. */
export interface Output {
  readonly isTTY?: boolean | undefined;
  readonly columns?: number | undefined;
  write(text: string): unknown;
}

export interface Screen {
  show(event: LauncherEvent): void;
}

/** `--json`: one object a line, `time` and `event` first. */
export function jsonScreen(output: Output): Screen {
  return {
    show: (event) => {
      const { time, event: name, ...rest } = event;
      output.write(`${JSON.stringify({ time, event: name, ...rest })}\n`);
    },
  };
}

const isOver = (event: StepEvent): boolean => event.state === 'done' || event.state === 'failed';

/** How often a plain log repeats the progress of a step that takes long, in ms. */
const PLAIN_PROGRESS_MS = 5000;

/** Stations of an order that the line of its signal tells already; with `--json` they are there. */
const TOLD_BY_SIGNAL = new Set(['authorised', 'denied', 'submitting']);

/** Text: on a terminal a running step is one line that is written over; elsewhere only plain lines, each once. */
export function textScreen(output: Output, env: Readonly<Record<string, string | undefined>>): Screen {
  const isTerminal = output.isTTY === true && env['TERM'] !== 'dumb';
  const paint = choosePaint(isTerminal, env);
  let hasOpenLine = false;
  const told = new Map<string, { readonly time: number; readonly message: string }>();

  const overwrite = (event: StepEvent): void => {
    // A line that wraps cannot be written over: it is cut.
    const room = Math.max(20, (output.columns || 80) - 16);
    const message = isOver(event) || event.message.length <= room ? event.message : `${event.message.slice(0, room - 1)}…`;
    output.write(`\r\u001b[2K${stepLine({ ...event, message }, paint)}`);
    hasOpenLine = !isOver(event);
    if (!hasOpenLine) output.write('\n');
  };

  const isWorthALine = (event: LauncherEvent & StepEvent): boolean => {
    if (isOver(event)) return true;
    // A step that takes long speaks again, and sooner only when it has something new to say.
    const last = told.get(event.step);
    const waitMs = last?.message === event.message ? 2 * PLAIN_PROGRESS_MS : PLAIN_PROGRESS_MS;
    if (last !== undefined && event.time - last.time < waitMs) return false;
    told.set(event.step, { time: event.time, message: event.message });
    return true;
  };

  return {
    show: (given) => {
      const event = harmless(given, given.event === 'error');
      if (event.event === 'step') {
        if (isTerminal) overwrite(event);
        else if (isWorthALine(event)) output.write(`${stepLine(event, paint)}\n`);
        return;
      }
      if (event.event === 'order' && TOLD_BY_SIGNAL.has(event.status)) return;
      if (hasOpenLine) output.write('\r\u001b[2K');
      hasOpenLine = false;
      output.write(`${textLines(event, paint).join('\n')}\n`);
    },
  };
}
