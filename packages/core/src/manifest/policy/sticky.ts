import type { StickyPolicy, StickyUnit } from '../../records/index.ts';
import { durationMs } from '../../units.ts';
import type { FieldReader, TextRule } from '../field-reader.ts';
import { parseDuration } from '../quantity.ts';

/** Longest salt, in characters: as long as the longest name of an endpoint, which is the salt where the manifest has none. */
export const SALT_CHARS_MAX = 253;

/** The header in which a token comes and goes, where the manifest names none. */
export const TOKEN_HEADER_DEFAULT = 'mm-sticky';

/** How long a token counts, where the manifest does not say: 30 days. */
const TOKEN_LIFETIME_DEFAULT_MS = durationMs(30 * 24 * 3_600_000);

const TOKEN_LIFETIME_MIN_MS = 1000;

/** Ten years: a cookie that lasts longer is cut by browsers anyway. */
const TOKEN_LIFETIME_MAX_MS = 10 * 365 * 24 * 3_600_000;

const SALT: TextRule = {
  test: (text) => text.length > 0 && text.length <= SALT_CHARS_MAX && text.isWellFormed(),
  expected: `a text of 1 to ${SALT_CHARS_MAX} characters`,
};

/** Headers that mean something to HTTP, gRPC or the mesh itself. */
const TAKEN_HEADERS = new Set([
  'authorization',
  'connection',
  'content-length',
  'content-type',
  'cookie',
  'host',
  'set-cookie',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
]);

const TOKEN_HEADER: TextRule = {
  test: (text) => {
    const name = text.toLowerCase();
    return /^[a-z0-9][a-z0-9_-]{0,62}$/.test(name) && !/^(grpc-|mesh-)|-bin$/.test(name) && !TAKEN_HEADERS.has(name);
  },
  expected:
    'the name of a header of letters, digits and dashes that means nothing else: not of HTTP, not grpc-…, mesh-… or …-bin',
};

/** A token of RFC 6265 §4.1.1. */
const COOKIE: TextRule = {
  test: (text) => /^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,64}$/.test(text),
  expected: 'the name of a cookie: at most 64 letters, digits, dashes and underscores',
};

/** Reads what keeps calls together. The salt is the endpoint's name where the manifest names none. */
export function readSticky(spec: FieldReader, endpointName: string): StickyPolicy | null {
  const reader = spec.object('sticky');
  if (reader === undefined) return null;
  const by = reader.text('by');
  const token = reader.object('token');
  const unit = token === undefined ? undefined : readToken(token);
  if (reader.has('by') && reader.has('token')) reader.problem('token', 'nothing beside by: give one of the two');
  if (!reader.has('by') && !reader.has('token')) {
    reader.problem('by', 'an expression, for instance header["x-user-id"], or token in place of it');
  }
  const salt = reader.text('salt', SALT) ?? endpointName;
  reader.close();
  const chosen: StickyUnit | undefined = unit ?? (by === undefined ? undefined : { kind: 'expression', by });
  return chosen === undefined ? null : { unit: chosen, salt };
}

function readToken(reader: FieldReader): StickyUnit {
  const header = reader.text('header', TOKEN_HEADER)?.toLowerCase() ?? TOKEN_HEADER_DEFAULT;
  const cookie = reader.text('cookie', COOKIE) ?? null;
  const lifetimeMs = reader.parsed('lifetime', parseLifetime, 'a duration from 1s to ten years, for instance 720h');
  reader.close();
  return { kind: 'token', header, cookie, lifetimeMs: lifetimeMs ?? TOKEN_LIFETIME_DEFAULT_MS };
}

const parseLifetime = (text: string) => {
  const ms = parseDuration(text);
  return ms === undefined || ms < TOKEN_LIFETIME_MIN_MS || ms > TOKEN_LIFETIME_MAX_MS ? undefined : ms;
};
