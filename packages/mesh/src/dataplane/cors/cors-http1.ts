import type { IncomingMessage, ServerResponse } from 'node:http';
import { type CorsPolicy, isPreflight } from './cors-policy.ts';

/**
 * Lets pages from elsewhere ask over HTTP/1.1: adds to the answer what the policy says. True: the request was a question whether one may ask, and
 * is answered.
 */
export function answerCorsHttp1(cors: CorsPolicy, request: IncomingMessage, response: ServerResponse): boolean {
  if (cors.isOff) return false;
  const { origin } = request.headers;
  if (origin !== undefined && isPreflight(request.method, request.headers['access-control-request-method'])) {
    const granted = cors.preflightFields(origin, request.headers['access-control-request-headers']);
    if (granted !== undefined) {
      response.writeHead(204, [...granted]).end();
      return true;
    }
  }
  const fields = cors.answerFields(origin);
  for (let at = 0; at < fields.length; at += 2) response.setHeader(fields[at] ?? '', fields[at + 1] ?? '');
  return false;
}
