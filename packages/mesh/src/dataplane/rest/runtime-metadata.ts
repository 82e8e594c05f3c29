import type { ModelKey } from '@modelmesh/core';
import { type HeaderBlock, headerBlock } from '@modelmesh/grpc/stream';
import { decodeBinaryHeader, isStrippedTowardsRuntime, isVisibleAscii, runtimeIdHeaders } from '@modelmesh/wire/headers';

/** Fields that speak of the HTTP body, of this hop, or of caches, and mean nothing to a runtime behind gRPC. */
const NOT_FOR_RUNTIMES: ReadonlySet<string> = new Set([
  'accept',
  'accept-charset',
  'accept-encoding',
  'accept-language',
  'accept-ranges',
  'cache-control',
  'content-encoding',
  'content-language',
  'content-md5',
  'date',
  'expect',
  'http2-settings',
  'if-match',
  'if-modified-since',
  'if-none-match',
  'if-range',
  'if-unmodified-since',
  'inference-header-content-length',
  'max-forwards',
  'origin',
  'pragma',
  'proxy-authorization',
  'range',
  'referer',
  'trailer',
  'via',
]);

/** Names of gRPC metadata; source: gRPC over HTTP/2, *Custom-Metadata*. */
const METADATA_NAME = /^[0-9a-z_.-]+$/;

/** The fields that `connection` names belong to this hop alone; source: RFC 9110 §7.6.1. */
function nominated(headers: HeaderBlock): ReadonlySet<string> | undefined {
  const value = headers.get('connection');
  if (value === undefined || value === 'close' || value === 'keep-alive') return undefined;
  return new Set(value.split(',').map((name) => name.trim().toLowerCase()));
}

function mayPass(name: string, value: string): boolean {
  if (isStrippedTowardsRuntime(name) || NOT_FOR_RUNTIMES.has(name) || !METADATA_NAME.test(name)) return false;
  return name.endsWith('-bin') ? decodeBinaryHeader(value) !== undefined : isVisibleAscii(value);
}

/**
 * The header block of a REST call as the runtime gets it over gRPC: the client's own fields (`x-request-id` and W3C trace context among
 * them) as metadata, and the model's key. `method` is `package.Service/Method`.
 */
export function restRuntimeHeaders(method: string, client: HeaderBlock | undefined, model: ModelKey): HeaderBlock {
  const fields = [
    ':method',
    'POST',
    ':scheme',
    'http',
    ':path',
    `/${method}`,
    ':authority',
    'localhost',
    'te',
    'trailers',
    'content-type',
    'application/grpc',
  ];
  if (client !== undefined) {
    const ofThisHop = nominated(client);
    const raw = client.raw();
    for (let at = 0; at < raw.length; at += 2) {
      const name = raw[at] ?? '';
      const value = raw[at + 1] ?? '';
      if (mayPass(name, value) && ofThisHop?.has(name) !== true) fields.push(name, value);
    }
  }
  fields.push(...runtimeIdHeaders(model));
  return headerBlock(fields);
}
