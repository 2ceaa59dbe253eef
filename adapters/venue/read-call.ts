import { KeelsonError } from '../../core/errors.js';
import { LONGEST_BLOCK_MS } from '../../core/venue/weight.js';
import type { KeepAliveTransport, Seen } from './keep-alive-transport.js';
import { pause } from './pause.js';
import { libraryClasses, plainDetail, type Evidence } from './verdict.js';
import type { SentAway, VenueError, WireProfile } from './profiles/wire-profile.js';

/** Runs one read and turns whatever goes wrong into a KeelsonError. */
export type ReadCall = <T>(
  transport: KeepAliveTransport,
  call: string,
  work: () => Promise<T>,
) => Promise<{ readonly value: T; readonly seen: Seen }>;

/** What the library's error and the wire say together; the wire wins, since the library renames some codes. */
export function evidenceOf(error: unknown, seen: Seen, profile: WireProfile): Evidence {
  const said = profile.error(parsed(seen.body));
  return {
    classes: libraryClasses(error),
    ...(seen.status === undefined ? {} : { httpStatus: seen.status }),
    ...(said === undefined ? {} : { venueCode: said.code, venueText: said.text }),
    detail: said === undefined ? plainDetail(error) : `${said.text} (${said.code})`,
  };
}

/**
 * How long we leave the venue alone, ms: what its Retry-After says, in seconds or as a date, or a second, or a minute when it has banned
 * us; at most five minutes, since whoever waits here may be needed.
 * @param now epoch ms
 */
export function retryAfterMs(seen: Seen, now: number = Date.now()): number {
  const said = seen.headers?.['retry-after']?.trim() ?? '';
  const ms = /^\d+(\.\d+)?$/.test(said) ? Math.ceil(Number(said) * 1_000) : Date.parse(said) - now;
  if (ms > 0) return Math.min(ms, LONGEST_BLOCK_MS);
  return seen.status === 418 ? 60_000 : 1_000;
}

/** What the venue itself said about a failed call: the cause of its KeelsonError, where it said anything in its own form. */
class Said extends Error {
  override readonly name = 'Said';
  readonly said: VenueError;
  constructor(said: VenueError, cause: unknown) {
    super(`${said.text} (${said.code})`, { cause });
    this.said = said;
  }
}

/** The venue's own error behind a failed read, undefined where it did not answer in its form, or with a 5xx. */
export function saidBy(error: unknown): VenueError | undefined {
  return error instanceof KeelsonError && error.cause instanceof Said ? error.cause.said : undefined;
}

/** Whether the venue itself said that it does not list what was asked for. */
export function saysUnlisted(error: unknown): boolean {
  return saidBy(error) !== undefined && libraryClasses(((error as Error).cause as Error).cause).includes('BadSymbol');
}

/**
 * Whether the venue sends our address away for a while: a ban, or too many requests. Too many orders of one account are refused in the
 * same way at some venues, but keep nobody from asking.
 */
function isSentAway({ httpStatus, venueCode = '' }: Evidence, { orderRateCodes }: WireProfile): boolean {
  return httpStatus === 418 || (httpStatus === 429 && !orderRateCodes.includes(venueCode));
}

/** For how long the venue sends whom away by this answer, by its status or by its own word (which may come with status 200); undefined: it does not. */
export function sentAway(evidence: Evidence, seen: Seen, profile: WireProfile): SentAway | undefined {
  if (isSentAway(evidence, profile)) return { countedBy: 'address', forMs: retryAfterMs(seen) };
  const { venueCode: code, venueText: text = '' } = evidence;
  const away = code === undefined ? undefined : profile.lockedOut?.({ code, text }, Date.now());
  return away && { ...away, forMs: Math.min(away.forMs, LONGEST_BLOCK_MS) };
}

/** Whether the venue wants not to be asked from this address, or by this account; whoever asks it, or sends it an order, knows. */
export interface Door {
  blockedMs(): number;
  block(away: SentAway): void;
}

/** So often a read is tried in one place, where it was only one too many. */
const MOST_TRIES = 4;

/**
 * As `readCall` has it; what a counter refuses that all processes of a key fill is asked for again in its place: a look-up is several reads, and
 * one that began anew with each refusal would not come to its end while another process takes every other call.
 * @param closed ends the waiting
 */
export function patientReadCall(profile: WireProfile, account: string, door: Door, closed: AbortSignal): ReadCall {
  const once = readCall(profile, account, door);
  const { refusedAgainMs } = profile;
  if (refusedAgainMs === undefined) return once;
  return async (transport, call, work) => {
    for (let tries = 1; ; tries += 1) {
      try {
        return await once(transport, call, work);
      } catch (error) {
        const isOneTooMany = profile.rateCodes.includes(saidBy(error)?.code ?? '') && door.blockedMs() === 0;
        if (!isOneTooMany || tries === MOST_TRIES || closed.aborted) throw error;
      }
      await pause(refusedAgainMs, closed);
    }
  };
}

/**
 * Reads fail as VENUE_RATE_LIMITED, VENUE_AUTH or VENUE_UNAVAILABLE. A venue that has sent us away for a while (429, 418) is not asked
 * before that is over: each request until then would make it longer.
 */
function readCall(profile: WireProfile, account: string, door: Door): ReadCall {
  return async (transport, call, work) => {
    const blockedMs = door.blockedMs();
    if (blockedMs > 0) throw new KeelsonError('VENUE_RATE_LIMITED', { venue: profile.id, account, call, retryAfterMs: blockedMs });
    const outcome = await transport.run(work);
    if (outcome.ok) return outcome;
    const { error, seen } = outcome;
    if (error instanceof KeelsonError) throw error;
    const evidence = evidenceOf(error, seen, profile);
    const code = evidence.venueCode ?? '';
    const away = sentAway(evidence, seen, profile);
    const againMs = profile.rateCodes.includes(code) ? (profile.refusedAgainMs ?? 0) : 0;
    const values = {
      venue: profile.id,
      account,
      call,
      detail: evidence.detail,
      retryAfterMs: away?.forMs ?? Math.max(retryAfterMs(seen), againMs),
    };
    if (away !== undefined) door.block(away);
    const limited = away !== undefined || profile.rateCodes.includes(code) || evidence.classes.includes('RateLimitExceeded');
    const refused = profile.authCodes.includes(code) || (evidence.classes.includes('AuthenticationError') && !limited);
    // What a failing venue writes is no statement about the thing that was asked for.
    const isStatement = code !== '' && (evidence.httpStatus ?? 0) < 500;
    const cause = isStatement ? new Said({ code, text: evidence.venueText ?? '' }, error) : error;
    throw new KeelsonError(refused ? 'VENUE_AUTH' : limited ? 'VENUE_RATE_LIMITED' : 'VENUE_UNAVAILABLE', values, { cause });
  };
}

export function parsed(body: string | undefined): unknown {
  if (body === undefined) return undefined;
  try {
    return JSON.parse(body) as unknown;
  } catch {
    return undefined;
  }
}
