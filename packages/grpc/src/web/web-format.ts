import type { HeaderBlock } from '../stream/index.ts';

/** How the bytes of a body are written: as they are, or in base64. Source: gRPC-Web, *Protocol differences vs gRPC over HTTP2*. */
export type WebFormat = 'binary' | 'text';

/** A content type of gRPC-Web, taken apart. */
export interface WebContentType {
  readonly format: WebFormat;
  /** What follows the name: the encoding of messages with its `+`, as `+proto`; empty where none is said. */
  readonly suffix: string;
}

const CONTENT_TYPE = /^application\/grpc-web(-text)?(\+[a-z0-9.+-]+)?\s*(?:;|$)/i;

/** The parts of a content type of gRPC-Web; `undefined` for any other. */
export function readWebContentType(contentType: string | undefined): WebContentType | undefined {
  // Nearly every other request is told apart by its first letters alone.
  if (contentType === undefined || contentType.length < 20) return undefined;
  const parts = CONTENT_TYPE.exec(contentType);
  if (parts === null) return undefined;
  return { format: parts[1] === undefined ? 'binary' : 'text', suffix: (parts[2] ?? '').toLowerCase() };
}

/** Whether a request is a call in gRPC-Web. */
export const isGrpcWeb = (method: string | undefined, contentType: string | undefined): boolean =>
  method === 'POST' && readWebContentType(contentType) !== undefined;

/** What the answer's format is to be: what `accept` names first, else that of the request. */
export function answerFormatOf(accept: string | undefined, request: WebFormat): WebFormat {
  for (const item of accept?.split(',') ?? []) {
    const named = readWebContentType(item.trim());
    if (named !== undefined) return named.format;
  }
  return request;
}

/** The content type of an answer. */
export const webContentType = (format: WebFormat, suffix: string): string =>
  `application/grpc-web${format === 'text' ? '-text' : ''}${suffix === '' ? '+proto' : suffix}`;

/**
 * Fields of a request that mean nothing behind this translation: the length is another one, the form of answers is chosen here, and what browsers
 * add by themselves is no metadata of the call.
 */
const ENDS_HERE: ReadonlySet<string> = new Set([
  'accept',
  'accept-encoding',
  'accept-language',
  'cache-control',
  'content-length',
  'content-type',
  'dnt',
  'origin',
  'pragma',
  'priority',
  'referer',
  'x-grpc-web',
]);
/** Of these a page can set none: what the browser says of itself and of the request. */
const BROWSER_PREFIX = 'sec-';

/**
 * The headers of the gRPC call that a request of gRPC-Web stands for. `x-user-agent`, which stands in for a field that pages cannot set, stays
 * metadata like everything else.
 */
export function grpcHeadersOf(headers: HeaderBlock, { suffix }: WebContentType): HeaderBlock {
  return headers
    .without((name) => ENDS_HERE.has(name) || name.startsWith(BROWSER_PREFIX))
    .with('content-type', `application/grpc${suffix}`);
}

/** The headers of an answer of gRPC as those of one of gRPC-Web: its body has another length, which is not known before its end. */
export const webHeadersOf = (headers: HeaderBlock, contentType: string): HeaderBlock =>
  headers.without((name) => name === 'content-length').with('content-type', contentType);
