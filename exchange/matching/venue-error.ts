/** A refusal as the venue words it: `{"code": -1121, "msg": "Invalid symbol."}` with its HTTP status. */
export class VenueError extends Error {
  override readonly name = 'VenueError';
  readonly code: number;
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  /** More of the body, where a call has it. */
  readonly data: unknown;

  constructor(code: number, message: string, status = 400, headers: Readonly<Record<string, string>> = {}, data?: unknown) {
    super(message);
    this.code = code;
    this.status = status;
    this.headers = headers;
    this.data = data;
  }
}

export function filterFailure(filter: string): VenueError {
  return new VenueError(-1013, `Filter failure: ${filter}`);
}

export function rejected(message: string): VenueError {
  return new VenueError(-2010, message);
}

export const INSUFFICIENT_BALANCE = 'Account has insufficient balance for requested action.';
export const DUPLICATE_ORDER = 'Duplicate order sent.';
