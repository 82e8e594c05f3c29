import { MeshError } from '@modelmesh/core';
import { inflateMessage } from '@modelmesh/grpc/compression';
import type { HeaderBlock } from '@modelmesh/grpc/stream';

/** How a body is compressed on its way; `deflate` is the zlib format (RFC 9110 §8.4.1.2). */
export type ContentCoding = 'identity' | 'gzip' | 'deflate';

/** The value of `accept-encoding` in an answer that refuses another coding; source: RFC 9110 §15.5.16. */
export const CONTENT_CODINGS = 'gzip, deflate, identity';

/** The longest part of a foreign header that an error repeats. */
const SHOWN_CHARS_MAX = 100;

const shown = (value: string): string => JSON.stringify(value.slice(0, SHOWN_CHARS_MAX));

/** Which bodies a route reads. */
export interface AcceptedBodies {
  /** JSON followed by binary tensors (`application/octet-stream`, spec `kserve.md` §4.5). */
  readonly binary: boolean;
}

/**
 * Checks that a body is one that the route reads: JSON, or binary tensors behind JSON where the request says how long the JSON is. A request
 * without `content-type` is taken for JSON (spec `kserve.md` §6.5, 23).
 *
 * @throws {MeshError} `unsupported-media-type` for another type or charset, `invalid-argument` for binary tensors of unknown place.
 */
export function checkContentType(headers: HeaderBlock, accepted: AcceptedBodies, headerLength: string | undefined): void {
  const value = headers.get('content-type');
  if (value === undefined || value === '' || value === 'application/json') return;
  const [type = '', ...parameters] = value.toLowerCase().split(';');
  switch (type.trim()) {
    case 'application/json':
    case 'application/ld+json':
      checkCharset(value, parameters);
      return;
    case 'application/octet-stream':
      if (!accepted.binary) break;
      if (headerLength !== undefined) return;
      throw new MeshError(
        'invalid-argument',
        'a body of application/octet-stream needs the header Inference-Header-Content-Length, the length of its JSON in bytes',
      );
    default:
  }
  const expected = accepted.binary ? 'application/json or application/octet-stream' : 'application/json';
  throw new MeshError('unsupported-media-type', `content-type ${shown(value)} is not supported; send ${expected}`);
}

function checkCharset(value: string, parameters: readonly string[]): void {
  for (const parameter of parameters) {
    const [name = '', charset = ''] = parameter.split('=');
    if (name.trim() !== 'charset') continue;
    if (!/^"?(utf-?8|us-ascii)"?$/.test(charset.trim()))
      throw new MeshError('unsupported-media-type', `content-type ${shown(value)}: JSON is read as UTF-8 only`);
  }
}

/** How the body of a request is compressed. @throws {MeshError} `unsupported-encoding` for anything but one of ours. */
export function contentCoding(headers: HeaderBlock): ContentCoding {
  const value = headers.get('content-encoding');
  if (value === undefined) return 'identity';
  switch (value.trim().toLowerCase()) {
    case '':
    case 'identity':
      return 'identity';
    case 'gzip':
    case 'x-gzip':
      return 'gzip';
    case 'deflate':
      return 'deflate';
    default:
      throw new MeshError('unsupported-encoding', `content-encoding ${shown(value)} is not supported; send ${CONTENT_CODINGS}`);
  }
}

/** Bounds of decompression. */
export interface InflateBounds {
  readonly bodyBytesMax: number;
  readonly ratioMax: number;
}

/**
 * The body behind a compressed one: at once where it is small, else from the thread pool.
 *
 * @throws {MeshError} `too-large` above a limit, `invalid-argument` for damaged data (both may come as a rejection).
 */
export function inflateBody(
  coding: 'gzip' | 'deflate',
  body: Uint8Array,
  { bodyBytesMax, ratioMax }: InflateBounds,
): Uint8Array | Promise<Uint8Array> {
  const failed = (thrown: unknown): never => {
    if (!(thrown instanceof MeshError)) throw thrown;
    const sentence =
      thrown.kind === 'too-large'
        ? `the body grows above ${bodyBytesMax} bytes (restBodyBytesMax) or ${ratioMax} times its ${body.length} bytes`
        : `the body cannot be decompressed as ${coding}`;
    throw new MeshError(thrown.kind, sentence, { cause: thrown });
  };
  try {
    const inflated = inflateMessage(coding, body, { outputBytesMax: bodyBytesMax, ratioMax });
    return inflated instanceof Uint8Array ? inflated : inflated.catch(failed);
  } catch (error) {
    return failed(error);
  }
}

/** The coding that an answer should have: the one of ours that the client likes best, gzip before deflate where it does not mind. */
export function negotiatedCoding(headers: HeaderBlock): ContentCoding {
  const value = headers.get('accept-encoding');
  if (value === undefined || value === 'identity') return 'identity';
  const weights = new Map<string, number>();
  for (const item of value.toLowerCase().split(',')) {
    const [coding = '', ...parameters] = item.split(';');
    const quality = parameters.map((parameter) => parameter.trim()).find((parameter) => parameter.startsWith('q='));
    weights.set(coding.trim(), quality === undefined ? 1 : Number(quality.slice(2)) || 0);
  }
  const others = weights.get('*') ?? 0;
  const gzip = weights.get('gzip') ?? weights.get('x-gzip') ?? others;
  const deflate = weights.get('deflate') ?? others;
  const identity = weights.get('identity') ?? 0;
  if (gzip > 0 && gzip >= deflate && gzip >= identity) return 'gzip';
  return deflate > 0 && deflate >= identity ? 'deflate' : 'identity';
}

/** Whether a query sets `name` to true: `name`, `name=true` or `name=1`. */
export function queryFlag(query: string, name: string): boolean {
  if (query === '') return false;
  const value = new URLSearchParams(query).get(name);
  return value === '' || value === 'true' || value === '1';
}
