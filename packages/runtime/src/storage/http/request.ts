import { type ClientRequest, get as getHttp, type IncomingMessage } from 'node:http';
import { get as getHttps } from 'node:https';
import { type DurationMs, MeshError } from '@modelmesh/core';
import { withoutSecrets } from './url-text.ts';

/** Redirects that one request follows. */
export const REDIRECTS_MAX = 5;

/**
 * Sends a GET and follows redirects. The answer's status is 200 or 206; its body has not been read.
 *
 * @throws {MeshError} for every other status, for silence longer than `silenceMs` and for connections that cannot be made.
 */
export async function request(
  url: string,
  headers: Readonly<Record<string, string>>,
  silenceMs: DurationMs,
  signal: AbortSignal,
): Promise<IncomingMessage> {
  let at = url;
  for (let redirects = 0; redirects <= REDIRECTS_MAX; redirects++) {
    const response = await send(at, headers, silenceMs, signal);
    const status = response.statusCode ?? 0;
    if (status === 200 || status === 206) return checkEncoding(at, response);
    response.destroy();
    if (![301, 302, 303, 307, 308].includes(status)) throw statusError(at, status);
    at = redirectTarget(at, response.headers.location);
  }
  throw new MeshError('failed-precondition', `${withoutSecrets(url)} redirects more than ${REDIRECTS_MAX} times`);
}

function send(
  url: string,
  headers: Readonly<Record<string, string>>,
  silenceMs: DurationMs,
  signal: AbortSignal,
): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const get = url.startsWith('https:') ? getHttps : getHttp;
    const options = {
      headers: { 'accept-encoding': 'identity', 'user-agent': 'modelmesh', ...headers },
      signal,
      timeout: silenceMs,
    };
    let answer: IncomingMessage | undefined;
    const sent: ClientRequest = get(url, options, (response) => {
      answer = response;
      resolve(response);
    });
    sent.on('timeout', () => {
      const silent = new MeshError('unavailable', `${withoutSecrets(url)} sent nothing for ${silenceMs} ms`);
      reject(silent);
      answer?.destroy(Object.assign(new Error(silent.message), { code: 'ETIMEDOUT' }));
      sent.destroy();
    });
    sent.on('error', (error) => {
      if (signal.aborted) reject(signal.reason);
      else reject(new MeshError('unavailable', `cannot reach ${withoutSecrets(url)}: ${error.message}`, { cause: error }));
    });
  });
}

function checkEncoding(url: string, response: IncomingMessage): IncomingMessage {
  const encoding = response.headers['content-encoding'] ?? 'identity';
  if (encoding === 'identity') return response;
  response.destroy();
  throw new MeshError(
    'failed-precondition',
    `${withoutSecrets(url)} answers in content-encoding ${encoding} though only identity was accepted`,
  );
}

function redirectTarget(from: string, location: string | undefined): string {
  if (location === undefined || !URL.canParse(location, from)) {
    throw new MeshError('failed-precondition', `${withoutSecrets(from)} redirects without a valid location`);
  }
  const to = new URL(location, from);
  const safe = to.protocol === 'https:' || (to.protocol === 'http:' && from.startsWith('http:'));
  if (!safe) throw new MeshError('failed-precondition', `${withoutSecrets(from)} redirects to ${to.protocol}, which is refused`);
  return to.href;
}

function statusError(url: string, status: number): MeshError {
  const text = `${withoutSecrets(url)} answered HTTP ${status}`;
  if (status === 404 || status === 410) return new MeshError('not-found', text);
  if (status === 401 || status === 403) return new MeshError('permission-denied', text);
  if (status === 429 || status >= 500) return new MeshError('unavailable', text);
  return new MeshError('failed-precondition', text);
}
