import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { Answer, RawRequest } from './dispatch.js';

const MOST_BODY_BYTES = 64 * 1024;

/** Answers a request, now or later. */
export type AnswerRequest = (request: RawRequest, response: ServerResponse) => void;

/** The HTTP side of the trading port: reads a request as a whole, within bounds. */
export function createRestServer(answer: AnswerRequest): Server {
  const server = createServer({ keepAliveTimeout: 60_000, requestTimeout: 10_000, headersTimeout: 10_000 }, (request, response) => {
    if (request.method === 'GET') {
      request.resume();
      answer(rawRequest(request, ''), response);
      return;
    }
    readBody(request, response, (body) => answer(rawRequest(request, body), response));
  });
  server.maxHeadersCount = 100;
  return server;
}

export function send(response: ServerResponse, { status, body, headers }: Answer): void {
  response.writeHead(status, {
    'content-type': 'application/json;charset=UTF-8',
    'content-length': Buffer.byteLength(body),
    ...headers,
  });
  response.end(body);
}

function rawRequest(request: IncomingMessage, body: string): RawRequest {
  const url = request.url ?? '/';
  const at = url.indexOf('?');
  const key = request.headers['x-mbx-apikey'];
  return {
    method: request.method ?? 'GET',
    path: at < 0 ? url : url.slice(0, at),
    query: at < 0 ? '' : url.slice(at + 1),
    body,
    apiKey: Array.isArray(key) ? key[0] : key,
    address: request.socket.remoteAddress ?? '',
  };
}

function readBody(request: IncomingMessage, response: ServerResponse, done: (body: string) => void): void {
  const chunks: Buffer[] = [];
  let length = 0;
  request.on('data', (chunk: Buffer) => {
    length += chunk.length;
    if (length <= MOST_BODY_BYTES) chunks.push(chunk);
    else if (!response.headersSent) {
      chunks.length = 0;
      // The rest of the body is not read; the connection ends when the refusal has left.
      response.once('finish', () => request.socket.destroySoon());
      send(response, { status: 413, body: '{"code":-1101,"msg":"Too many parameters sent."}', headers: { connection: 'close' } });
    }
  });
  // A client that goes away in the middle of its body has asked for nothing.
  request.on('error', () => undefined);
  request.on('end', () => {
    if (length <= MOST_BODY_BYTES) done(Buffer.concat(chunks).toString('utf8'));
  });
}
