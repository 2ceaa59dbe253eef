import { VenueError } from '../matching/venue-error.js';
import type { Venue } from '../venue.js';
import type { FaultRule, Target } from './rule.js';

/** A call over the WebSocket API, and the ways to answer it. */
export interface SocketCall {
  readonly target: Target;
  /** Does what is asked. `isAccepted` is false when the venue has refused. */
  answer(): { readonly isAccepted: boolean; readonly frame: string };
  /** The frame of a refusal that no call has led to. */
  refusal(error: VenueError): string;
  send(frame: string): void;
  drop(): void;
}

/** Answers a call over the WebSocket API, spoiled by the same fault rules as its REST twin. */
export function answerCall(venue: Venue, call: SocketCall): void {
  const { target } = call;
  const arrival = venue.faults.isEmpty ? undefined : venue.faults.take('arrival', target, venue.now());
  if (arrival !== undefined) venue.noteFault(arrival, target);
  if (arrival?.fault === 'refuse') call.send(frameOf(arrival, call));
  else if (arrival?.fault === 'delayAdmission') setTimeout(() => admit(venue, call), arrival.delayMs);
  else admit(venue, call);
}

function admit(venue: Venue, call: SocketCall): void {
  const rule = venue.faults.isEmpty ? undefined : venue.faults.take('reply', call.target, venue.now());
  const { isAccepted, frame } = call.answer();
  if (rule === undefined || !isAccepted) {
    if (rule !== undefined) venue.faults.giveBack(rule);
    call.send(frame);
    return;
  }
  venue.noteFault(rule, call.target);
  if (rule.fault === 'replaceReply') call.send(frameOf(rule, call));
  // A frame comes whole or not at all: a body that stalls or is cut is here a frame that stalls or never comes.
  else if (rule.fault === 'stallHeaders' || rule.fault === 'stallBody') setTimeout(() => call.send(frame), rule.delayMs).unref();
  else call.drop();
}

function frameOf({ body, status, code, message }: FaultRule, call: SocketCall): string {
  return body ?? call.refusal(new VenueError(code, message, status));
}
