import { KeelsonError } from '../../core/errors.js';
import type { KeepAliveTransport, Seen } from './keep-alive-transport.js';
import { libraryClasses, plainDetail, type Evidence } from './verdict.js';
import type { WireProfile } from './profiles/wire-profile.js';

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

/** How long the venue asks us to wait, ms: its Retry-After, or a second, or a minute when it has banned us. */
export function retryAfterMs(seen: Seen): number {
  const seconds = Number(seen.headers?.['retry-after']);
  if (Number.isFinite(seconds) && seconds > 0) return Math.ceil(seconds * 1000);
  return seen.status === 418 ? 60_000 : 1_000;
}

/** `absent` is thrown on as it is: only the call knows what a missing thing means. */
export class Absent extends Error {
  override readonly name = 'Absent';
}

/** Reads fail as VENUE_RATE_LIMITED, VENUE_AUTH or VENUE_UNAVAILABLE, or as Absent where the venue says that it is not there. */
export function readCall(profile: WireProfile, account: string): ReadCall {
  return async (transport, call, work) => {
    const outcome = await transport.run(work);
    if (outcome.ok) return outcome;
    const { error, seen } = outcome;
    if (error instanceof KeelsonError) throw error;
    const evidence = evidenceOf(error, seen, profile);
    const code = evidence.venueCode ?? '';
    const values = { venue: profile.id, account, call, detail: evidence.detail, retryAfterMs: retryAfterMs(seen) };
    const limited =
      profile.rateCodes.includes(code) ||
      evidence.httpStatus === 429 ||
      evidence.httpStatus === 418 ||
      evidence.classes.includes('RateLimitExceeded');
    if (profile.absentCodes.includes(code)) throw new Absent(evidence.detail, { cause: error });
    if (profile.authCodes.includes(code) || (evidence.classes.includes('AuthenticationError') && !limited)) {
      throw new KeelsonError('VENUE_AUTH', values, { cause: error });
    }
    if (limited) throw new KeelsonError('VENUE_RATE_LIMITED', values, { cause: error });
    throw new KeelsonError('VENUE_UNAVAILABLE', values, { cause: error });
  };
}

function parsed(body: string | undefined): unknown {
  if (body === undefined) return undefined;
  try {
    return JSON.parse(body) as unknown;
  } catch {
    return undefined;
  }
}
