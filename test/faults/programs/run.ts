import type { PortWraps } from '../../../workers/composition/ports.js';
import { Trap } from './trap.js';
import { refusing } from './unauthorised.js';
import { WINDOWS } from './windows.js';

type TrapMessage = { readonly type: 'arm'; readonly point: string } | { readonly type: 'disarm' };

const isForTrap = (message: unknown): message is TrapMessage =>
  typeof message === 'object' && message !== null && 'type' in message && (message.type === 'arm' || message.type === 'disarm');

/** What goes between a worker's role and its ports: a trap, armed from the start, or when it is told to. */
export function trapWraps(): PortWraps {
  const trap = new Trap(process.env['KEELSON_TEST_MARK'] ?? '');
  const first = process.env['KEELSON_TEST_POINT'];
  if (first !== undefined) trap.arm(first);
  process.on('message', (message) => {
    if (!isForTrap(message)) return;
    if (message.type === 'arm') trap.arm(message.point);
    else trap.disarm();
    process.send?.({ type: `${message.type}ed` });
  });
  return {
    store: (store) => trap.wraps.store(refusing(store)),
    venue: (venue) => trap.wraps.venue({ ...venue, profile: { ...venue.profile, ...WINDOWS } }),
    market: trap.wraps.market,
    outbox: trap.wraps.outbox,
    owners: trap.wraps.owners,
    runbooks: trap.wraps.runbooks,
  };
}
