import fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify';
import { KeelsonError } from '../core/errors.js';
import { FailedAttempts } from './auth/attempts.js';
import { assertMay, bearerOf, findCaller, type Caller } from './auth/caller.js';
import { assertOwnOrigin } from './auth/origin.js';
import type { ApiContext } from './context.js';
import { checkedInput } from './http/input.js';
import { PROBLEM_TYPE, problemFrom, problemOf, RequestError, type Problem } from './http/problem.js';
import type { ApiMetrics } from './metrics.js';
import type { Route } from './route.js';
import { allRoutes } from './routes/all.js';

const BODY_LIMIT_BYTES = 65_536;
const MAX_CONNECTIONS = 512;
const REQUEST_TIMEOUT_MS = 10_000;
const NOBODY: Caller = { subject: '', name: '', roles: [], keyId: '' };

const HEADERS = {
  'cache-control': 'no-store',
  'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
};

/** The HTTP server, not listening yet. Every answer that is not a success is an RFC 9457 problem. */
export function buildServer(context: ApiContext, metrics: ApiMetrics): FastifyInstance {
  const server = fastify({
    logger: false,
    bodyLimit: BODY_LIMIT_BYTES,
    requestTimeout: REQUEST_TIMEOUT_MS,
    exposeHeadRoutes: false,
    genReqId: context.newId,
    // What is not HTTP at all never becomes a request: the socket is told the same kind of problem and closed.
    clientErrorHandler: (_error, socket) => {
      if (!socket.writable) return void socket.destroy();
      const body = JSON.stringify(
        problemFrom(new RequestError([{ path: 'request', message: 'is not an HTTP request that can be read' }]), '/', ''),
      );
      socket.end(
        `HTTP/1.1 400 Bad Request\r\nContent-Type: ${PROBLEM_TYPE}\r\nContent-Length: ${Buffer.byteLength(body)}\r\nConnection: close\r\n\r\n${body}`,
      );
    },
    // A bad percent sign in the path is refused before any hook runs.
    frameworkErrors: (_error, request, reply) => answer(reply, problemOf('INPUT_NOT_FOUND', { path: pathOf(request) }, pathOf(request))),
  });
  server.server.maxConnections = MAX_CONNECTIONS;
  const attempts = new FailedAttempts(context.now);

  const answer = (reply: FastifyReply, problem: Problem): void => {
    metrics.refusedCalls.inc({ code: problem.code });
    void reply.code(problem.status).headers(HEADERS).type(PROBLEM_TYPE).send(JSON.stringify(problem));
  };

  const identify = async (request: FastifyRequest, route: Route): Promise<Caller> => {
    if (route.access === 'everyone') return NOBODY;
    const key = bearerOf(request.headers.authorization);
    const caller = await findCaller(context.urgent, key);
    if (caller === undefined) return attempts.refuse(request.ip);
    assertMay(caller, route.access);
    return caller;
  };

  server.addHook('onRequest', async (request, reply) => {
    reply.headers(HEADERS);
    assertOwnOrigin(request.headers, context.furtherHosts);
  });
  server.addHook('onResponse', async (request, reply) => {
    const seconds = reply.elapsedTime / 1_000;
    metrics.requestSeconds.observe(
      { method: request.method, route: request.routeOptions.url ?? 'unmatched', status: reply.statusCode },
      seconds,
    );
    context.logger.debug(
      { request: request.id, method: request.method, path: pathOf(request), status: reply.statusCode, seconds },
      'answered',
    );
  });
  server.setErrorHandler((error, request, reply) => {
    const problem = problemFrom(error, pathOf(request), request.id);
    if (problem.status >= 500)
      context.logger.error({ request: request.id, path: pathOf(request), code: problem.code, err: error }, problem.detail);
    if (error instanceof KeelsonError && error.failure.code === 'AUTH_RATE_LIMITED') {
      void reply.header('retry-after', String(error.failure.values['retryAfterSeconds']));
    }
    answer(reply, problem);
  });
  server.setNotFoundHandler((request, reply) => answer(reply, problemOf('INPUT_NOT_FOUND', { path: pathOf(request) }, pathOf(request))));

  const callers = new WeakMap<FastifyRequest, Caller>();
  for (const route of allRoutes(context)) {
    server.route({
      method: route.method,
      url: route.path,
      // The key is asked for before the body is read: a stranger cannot make us parse.
      onRequest: async (request) => void callers.set(request, await identify(request, route)),
      handler: async (request, reply) => {
        const { query, body } = checkedInput({
          query: { schema: route.query, value: request.query },
          body: { schema: route.body, value: route.body ? request.body : {} },
        });
        const result = await route.handle({ query, body, caller: callers.get(request) ?? NOBODY });
        void reply.code(route.statusOf?.(result) ?? 200).type(route.contentType ?? 'application/json; charset=utf-8');
        return typeof result === 'string' ? result : JSON.stringify(result);
      },
    });
  }
  return server;
}

/** The path without its query: a key that someone put there by mistake is neither logged nor echoed. */
function pathOf(request: FastifyRequest): string {
  return (request.url.split('?')[0] ?? '/').slice(0, 200);
}
