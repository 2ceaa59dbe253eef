/**
 * How the steps before the program itself are shown. Each reporter has `start`, `progress`, `done` and `fail`.
 *
 * `text`: lines for people, one rewritten line while a step runs on a terminal.
 * `json`: one object a line, `{time, event: 'step', step, state, message, elapsedMs}`, the shape that `npm start -- --json` goes on with.
 * `quiet`: nothing unless a step really works; then on standard error, so that the output of a command stays clean.
 */
const seconds = (elapsedMs) => `${(elapsedMs / 1000).toFixed(1)} s`;

function jsonReporter(stream) {
  const write = (step, state, message, elapsedMs) =>
    stream.write(`${JSON.stringify({ time: Date.now(), event: 'step', step, state, message, elapsedMs })}\n`);
  return {
    start: (step, message) => write(step, 'started', message, 0),
    progress: (step, message, elapsedMs) => write(step, 'progress', message, elapsedMs),
    done: (step, message, elapsedMs) => write(step, 'done', message, elapsedMs),
    fail: (step, message, elapsedMs) => write(step, 'failed', message, elapsedMs),
  };
}

function textReporter(stream) {
  const rewriting = Boolean(stream.isTTY) && process.env.TERM !== 'dumb';
  const coloured = rewriting && !process.env.NO_COLOR;
  const mark = (code, sign) => (coloured ? `\u001b[${code}m${sign}\u001b[0m` : sign);
  const clear = () => rewriting && stream.write('\r\u001b[2K');
  return {
    start: (_step, message) => stream.write(rewriting ? `  ${message} …` : `  ${message} …\n`),
    progress: (_step, message, elapsedMs) => {
      clear();
      stream.write(`  ${message} (${seconds(elapsedMs)})${rewriting ? '' : '\n'}`);
    },
    done: (_step, message, elapsedMs) => {
      clear();
      stream.write(`${mark(32, '✓')} ${message} (${seconds(elapsedMs)})\n`);
    },
    fail: (_step, message) => {
      clear();
      stream.write(`${mark(31, '✗')} ${message}\n`);
    },
  };
}

/** @param {'text' | 'json' | 'quiet'} kind */
export function makeReporter(kind) {
  if (kind === 'json') return jsonReporter(process.stdout);
  return textReporter(kind === 'quiet' ? process.stderr : process.stdout);
}
