import type { RunbookState, StepState } from './messages.js';

const MARKS: Readonly<Record<StepState['state'], string>> = {
  waiting: '·',
  doing: '→',
  done: '✓',
  failed: '✗',
  skipped: 'skipped',
  undone: 'taken back',
  notUndone: 'stays',
};

/** What the page of a run shows: each step in a line, and what it waits for. */
export function describeRun(title: string, { status, account, steps, detail, waitingFor }: RunbookState): string {
  const waits = { failed: 'retry, skip or abort', signature: 'a signature', elsewhere: 'a person' };
  return [
    `**${title}, ${account}: ${status}**${waitingFor === null ? '' : ` (waits for ${waits[waitingFor]})`}${detail === null ? '' : `: ${detail}`}`,
    steps.map((step, index) => `${index + 1}. ${MARKS[step.state]} ${step.title}${toldOf(step)}${linesOf(step)}`).join('\n'),
  ].join('\n\n');
}

/** What a step has to tell in lines of its own, under its own. */
function linesOf({ output }: StepState): string {
  const told = output?.['told'];
  return typeof told !== 'string' || told === ''
    ? ''
    : `\n${told
        .split('\n')
        .map((line) => `   - ${line}`)
        .join('\n')}`;
}

function toldOf({ attempt, failure, signedBy }: StepState): string {
  const tries = attempt > 1 ? `, try ${attempt}` : '';
  const found = failure === null ? '' : `: ${failure}`;
  return `${tries}${found}${signedBy === null ? '' : `, signed by ${signedBy}`}`;
}
