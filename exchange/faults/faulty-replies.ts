import type { ServerResponse } from 'node:http';
import { VenueError } from '../matching/venue-error.js';
import type { Answer, Dispatch, RawRequest } from '../rest/dispatch.js';
import { errorJson } from '../rest/dispatch.js';
import { readForm } from '../rest/params.js';
import { send } from '../rest/server.js';
import type { Venue } from '../venue.js';
import type { FaultRule, Target } from './rule.js';

/** Answers calls as the dispatch does, spoiled by the fault rules in force. */
export class FaultyReplies {
  readonly #venue: Venue;
  readonly #dispatch: Dispatch;

  constructor(venue: Venue, dispatch: Dispatch) {
    this.#venue = venue;
    this.#dispatch = dispatch;
  }

  answer(request: RawRequest, response: ServerResponse): void {
    if (this.#venue.faults.isEmpty) {
      send(response, this.#dispatch.answer(request));
      return;
    }
    const target = targetOf(this.#venue, request);
    const arrival = this.#take('arrival', target);
    if (arrival?.fault === 'refuse') send(response, refusalOf(arrival));
    else if (arrival?.fault === 'delayAdmission') setTimeout(() => this.#admit(request, response, target), arrival.delayMs);
    else this.#admit(request, response, target);
  }

  #admit(request: RawRequest, response: ServerResponse, target: Target): void {
    const rule = this.#venue.faults.take('reply', target, this.#venue.now());
    const answer = this.#dispatch.answer(request);
    if (rule === undefined || answer.status !== 200) {
      if (rule !== undefined) this.#venue.faults.giveBack(rule);
      send(response, answer);
      return;
    }
    this.#venue.noteFault(rule, target);
    spoil(response, answer, rule);
  }

  #take(stage: 'arrival', target: Target): FaultRule | undefined {
    const rule = this.#venue.faults.take(stage, target, this.#venue.now());
    if (rule !== undefined) this.#venue.noteFault(rule, target);
    return rule;
  }
}

function targetOf(venue: Venue, request: RawRequest): Target {
  const values = new Map<string, string>();
  try {
    readForm(request.query, values);
    readForm(request.body, values);
  } catch (error) {
    // A form that cannot be read is refused by the dispatch; for rules it has the fields read so far.
    if (!(error instanceof VenueError)) throw error;
  }
  const found: Record<string, string | undefined> = {
    call: `${request.method} ${request.path}`,
    account: venue.accounts.byKey(request.apiKey ?? '')?.name,
    symbol: values.get('symbol'),
    side: values.get('side'),
    type: values.get('type'),
    clientOrderId: values.get('newClientOrderId') ?? values.get('origClientOrderId'),
  };
  return Object.fromEntries(Object.entries(found).filter(([, value]) => value !== undefined));
}

function refusalOf(rule: FaultRule): Answer {
  const body = rule.body ?? JSON.stringify(errorJson(new VenueError(rule.code, rule.message)));
  const headers = rule.retryAfterSeconds === undefined ? {} : { 'retry-after': String(rule.retryAfterSeconds) };
  return { status: rule.status, body, headers };
}

/** The order is in; what the client gets is something else. */
function spoil(response: ServerResponse, answer: Answer, rule: FaultRule): void {
  if (rule.fault === 'dropReply') response.destroy();
  else if (rule.fault === 'replaceReply') send(response, refusalOf(rule));
  else if (rule.fault === 'stallHeaders') {
    const timer = setTimeout(() => send(response, answer), rule.delayMs);
    response.on('close', () => clearTimeout(timer));
  } else {
    const half = answer.body.slice(0, Math.floor(answer.body.length / 2));
    const length = Buffer.byteLength(answer.body);
    response.writeHead(answer.status, { 'content-type': 'application/json;charset=UTF-8', 'content-length': length, ...answer.headers });
    // The first half is on the wire before the connection is cut, or before nothing more follows.
    response.write(half, () => {
      if (rule.fault === 'cutBody') response.destroy();
      else {
        const timer = setTimeout(() => response.end(answer.body.slice(half.length)), rule.delayMs);
        response.on('close', () => clearTimeout(timer));
      }
    });
  }
}
