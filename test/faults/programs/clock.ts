/**
 * The clock of a program under test: the machine's, and ahead of it by what its world says, at the start and while it runs. Before
 * what reads the clock. `performance.now` goes on as it is: it measures, and tells no day.
 */
interface ClockMessage {
  readonly type: 'clock';
  readonly aheadMs: number;
}

const isClockMessage = (message: unknown): message is ClockMessage =>
  typeof message === 'object' && message !== null && 'type' in message && message.type === 'clock';

const machine = Date;
let aheadMs = Number(process.env['KEELSON_TEST_CLOCK_AHEAD_MS'] ?? 0);
const now = (): number => machine.now() + aheadMs;

/** How far ahead of the machine it is now, ms. */
export const ahead = (): number => aheadMs;

globalThis.Date = new Proxy(machine, {
  construct: (target, given, newTarget) => Reflect.construct(target, given.length === 0 ? [now()] : given, newTarget) as Date,
  get: (target, key) => (key === 'now' ? now : (Reflect.get(target, key) as unknown)),
});

process.on('message', (message) => {
  if (!isClockMessage(message)) return;
  ({ aheadMs } = message);
  process.send?.({ type: 'clockMoved' });
});
