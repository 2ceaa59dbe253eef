export interface Time {
  readonly name: string;
  readonly ms: number;
  /** What of it the start of another program took: on a busy machine most of it. */
  readonly restartMs: number;
}

/** A line for each time, and how they are spread. */
export function report(what: string, times: readonly Time[]): string {
  const lines = times.map(({ name, ms, restartMs }) => `${padded(ms)} ms (${padded(restartMs)} to start)  ${name}`);
  const all = spread(times.map(({ ms }) => ms));
  const afterwards = spread(times.map(({ ms, restartMs }) => ms - restartMs));
  return [...lines, `${what}, ${times.length} times: ${all}; without the start: ${afterwards}`].join('\n');
}

const padded = (ms: number): string => String(ms).padStart(6);

function spread(times: readonly number[]): string {
  const sorted = [...times].sort((one, other) => one - other);
  return `${sorted[Math.floor(sorted.length / 2)] ?? Number.NaN} ms p50, ${sorted.at(-1) ?? Number.NaN} ms most`;
}
