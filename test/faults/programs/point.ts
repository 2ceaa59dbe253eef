/** Where a program under test is ended or stopped: at the n-th call of a port from the moment that it is armed. */
export interface Point {
  /** `during`: the call is under way, its bytes have left, and its answer is not read yet. */
  readonly when: 'before' | 'during' | 'after';
  /** A method of a port, such as `store.beginSubmit` or `sender.submit`. */
  readonly call: string;
  readonly occurrence: number;
  readonly signal: 'SIGKILL' | 'SIGSTOP';
}

const FORM = /^(before|during|after) ([a-z]+\.[a-zA-Z]+)#(\d+):(SIGKILL|SIGSTOP)$/;

/** `after store.beginSubmit#1:SIGKILL` */
export const textOf = ({ when, call, occurrence, signal }: Point): string => `${when} ${call}#${occurrence}:${signal}`;

/** @throws Error for a text that is no point */
export function pointOf(text: string): Point {
  const [, when, call, occurrence, signal] = FORM.exec(text) ?? [];
  if (when === undefined || call === undefined) throw new Error(`not a point: ${text}`);
  return { when: when as Point['when'], call, occurrence: Number(occurrence), signal: signal as Point['signal'] };
}
