import type { DurationMs, EndpointId, EpochMs } from '@modelmesh/core';

/** A secret that tokens are signed with, and the name by which they say so. */
export interface TokenKey {
  /** 1 to {@link KEY_ID_CHARS_MAX} letters, digits, `-` and `_`. */
  readonly id: string;
  readonly secret: Uint8Array;
}

/** The keys in force, at most {@link TOKEN_KEYS_MAX}: the first one signs, all of them verify. */
export type TokenKeys = readonly TokenKey[];

/** Keys that are valid at once: the one that signs, and the one before it or after it. */
export const TOKEN_KEYS_MAX = 2;
/** The longest name of a key. */
export const KEY_ID_CHARS_MAX = 32;
/** The shortest secret: that of the hash itself (RFC 2104, section 3). */
export const KEY_BYTES_MIN = 32;
/** The longest secret that is read: a longer one is hashed first and is no better. */
export const KEY_BYTES_MAX = 1024;
/** The longest token that is looked at; that of an endpoint with the longest id is shorter. */
export const TOKEN_CHARS_MAX = 2048;

/**
 * Why a token counts for nothing. `unknown-key`: signed with a key that this node does not have, or has no more. `forged`: with none that anyone has.
 */
export type TokenProblem = 'malformed' | 'unknown-key' | 'forged' | 'expired' | 'other-endpoint';

/** What a token is worth. */
export type TokenVerdict =
  /** `unit`: what the token makes its calls belong to. Of its lifetime nothing is left at `expiresMs`. */
  | { readonly kind: 'verified'; readonly unit: string; readonly expiresMs: EpochMs }
  | { readonly kind: 'refused'; readonly problem: TokenProblem };

/** A token that was made. */
export interface IssuedToken {
  /** Visible ASCII without blanks, quotes, commas and semicolons: it may stand in a header and in a cookie as it is. */
  readonly token: string;
  readonly unit: string;
}

/** Whether tokens can be given at all; if not, what an operator has to do. */
export type TokensReadiness = { readonly ready: true } | { readonly ready: false; readonly why: string };

/** What was done with tokens: what became of those that came, and how many were given. */
export type TokenOutcome = 'issued' | 'verified' | 'remembered' | TokenProblem;

/** Gives tokens to clients and knows its own again. A token names a random unit, never a variant: no client can choose one by it. */
export interface TokenVault {
  /** Whether tokens can be given. */
  readonly readiness: TokensReadiness;
  /**
   * A new token for calls of `endpoint`.
   *
   * @param unit that of a token before, whose client is to keep its variant; a new random one without it
   * @throws {MeshError} `failed-precondition` without keys
   */
  issue(endpoint: EndpointId, nowMs: EpochMs, lifetimeMs: DurationMs, unit?: string): IssuedToken;
  /** What a token is worth for calls of `endpoint`. One that was verified before is found again without hashing and without allocating. */
  verify(text: string, endpoint: EndpointId, nowMs: EpochMs): TokenVerdict;
}
