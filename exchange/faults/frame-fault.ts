import type { Channel } from '../streams/channel.js';
import type { Venue } from '../venue.js';
import type { FaultRule, Target } from './rule.js';

/** The rule that strikes the next frame of a public stream, if any does. */
export function frameFault(venue: Venue, { name, symbol }: Channel): FaultRule | undefined {
  if (venue.faults.isEmpty) return undefined;
  const target: Target = symbol === '' ? { stream: name } : { stream: name, symbol };
  const rule = venue.faults.take('frame', target, venue.now());
  // The journal is told after the transaction that is being told now.
  if (rule !== undefined) queueMicrotask(() => venue.noteFault(rule, target));
  return rule;
}
