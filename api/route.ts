import type { z } from 'zod';
import type { ErrorCode } from '../core/errors.js';
import type { Action } from '../core/people/actions.js';
import type { Caller } from './auth/caller.js';

/** What a handler is given: checked input, and who asks. */
export interface RouteCall<Query, Body> {
  readonly query: Query;
  readonly body: Body;
  readonly caller: Caller;
}

/** One route, written once: the server, the OpenAPI document and the reference are made from it. */
export interface Route {
  readonly method: 'GET' | 'POST';
  readonly path: string;
  readonly summary: string;
  /** What a caller does by it: the table of actions says who may. `everyone`: no key is asked for. */
  readonly access: Action | 'everyone';
  readonly query?: z.ZodObject;
  readonly body?: z.ZodObject;
  readonly response: z.ZodType;
  /** The answer's content type where it is not JSON. */
  readonly contentType?: string;
  /** Statuses other than 200 that the same answer may come with, and which it is. */
  readonly furtherStatuses?: readonly number[];
  statusOf?(answer: unknown): number;
  /** Codes beyond those that every route can give. */
  readonly errors: readonly ErrorCode[];
  handle(call: RouteCall<Record<string, unknown>, Record<string, unknown>>): Promise<unknown>;
}

type None = z.ZodObject<Record<string, never>>;

interface RouteDefinition<Query extends z.ZodObject, Body extends z.ZodObject, Response extends z.ZodType> extends Omit<
  Route,
  'query' | 'body' | 'response' | 'handle' | 'statusOf'
> {
  readonly query?: Query;
  readonly body?: Body;
  readonly response: Response;
  statusOf?(answer: z.output<Response>): number;
  handle(call: RouteCall<z.output<Query>, z.output<Body>>): Promise<z.output<Response>>;
}

/**
 * Ties a handler to its schemas. The server hands it only what these schemas have accepted, so the wider type that the
 * list of routes has is safe.
 */
export function route<Query extends z.ZodObject = None, Body extends z.ZodObject = None, Response extends z.ZodType = z.ZodType>(
  definition: RouteDefinition<Query, Body, Response>,
): Route {
  return definition;
}
