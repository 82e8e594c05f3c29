/** Where tokens stand in requests and answers. */
import type { EndpointId, EpochMs } from '@modelmesh/core';
import type { StickyUnit } from '@modelmesh/core/records';
import type { HeaderReader } from '@modelmesh/wire/headers';
import type { TokenVault, TokenVerdict } from './port.ts';

/** How an endpoint uses tokens. */
export type TokenUse = Extract<StickyUnit, { readonly kind: 'token' }>;

/** The first cookie of that name. HTTP/2 may bring each in a field of its own (RFC 9113, section 8.2.3). */
function cookieOf(headers: HeaderReader, name: string): string | null {
  for (const field of headers.getAll('cookie')) {
    let start = 0;
    while (start < field.length) {
      const semicolon = field.indexOf(';', start);
      const end = semicolon < 0 ? field.length : semicolon;
      while (field.charCodeAt(start) === 0x20) start += 1;
      if (field.startsWith(name, start) && field.charCodeAt(start + name.length) === 0x3d)
        return unquoted(field.slice(start + name.length + 1, end).trim());
      start = end + 1;
    }
  }
  return null;
}

const unquoted = (text: string): string =>
  text.length > 1 && text.startsWith('"') && text.endsWith('"') ? text.slice(1, -1) : text;

/** What the token of a call is worth, and what its answer has to bring. */
export interface CallToken {
  readonly unit: string;
  /** A token for the client to bring back from now on; `null`: it goes on using the one that it has. */
  readonly issued: string | null;
}

/** What the token in the header is worth, else that in the cookie: a header of old says nothing of the cookie beside it. `null`: there is none. */
function verdictOf(
  vault: TokenVault,
  headers: HeaderReader,
  { header, cookie }: TokenUse,
  endpoint: EndpointId,
  nowMs: EpochMs,
): TokenVerdict | null {
  const first = headers.get(header);
  const verdict = first === undefined ? null : vault.verify(first, endpoint, nowMs);
  if (verdict?.kind === 'verified' || cookie === null) return verdict;
  const second = cookieOf(headers, cookie);
  return second === null || second === first ? verdict : vault.verify(second, endpoint, nowMs);
}

/**
 * The unit of a call of an endpoint with tokens. A call without a token that counts gets a new unit. A token of whose lifetime less than half is left is
 * replaced by one of the same unit, so that whoever goes on calling keeps its variant for ever.
 *
 * @returns `null` where tokens cannot be given, since keys are missing: the call has no unit
 */
export function tokenOfCall(
  vault: TokenVault,
  headers: HeaderReader,
  use: TokenUse,
  endpoint: EndpointId,
  nowMs: EpochMs,
): CallToken | null {
  if (!vault.readiness.ready) return null;
  const verdict = verdictOf(vault, headers, use, endpoint, nowMs);
  if (verdict?.kind !== 'verified') {
    const { token, unit } = vault.issue(endpoint, nowMs, use.lifetimeMs);
    return { unit, issued: token };
  }
  const { unit, expiresMs } = verdict;
  const isFresh = expiresMs - nowMs >= use.lifetimeMs / 2;
  return { unit, issued: isFresh ? null : vault.issue(endpoint, nowMs, use.lifetimeMs, unit).token };
}

/** The fields by which an answer brings a token: the header, and the cookie where the endpoint has one. @param secure whether the call came over TLS */
export function tokenAnswerFields(
  token: string,
  { header, cookie, lifetimeMs }: TokenUse,
  secure: boolean,
): readonly (readonly [string, string])[] {
  if (cookie === null) return [[header, token]];
  const seconds = Math.floor(lifetimeMs / 1000);
  const attributes = `Max-Age=${seconds}; Path=/; HttpOnly; SameSite=Lax${secure ? '; Secure' : ''}`;
  return [
    [header, token],
    ['set-cookie', `${cookie}=${token}; ${attributes}`],
  ];
}
