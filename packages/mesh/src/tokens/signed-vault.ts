/**
 * Tokens signed with HMAC-SHA-256: `1.<key id>.<payload>.<mac>`, payload and mac in base64url, the mac over everything before its dot. The payload is the
 * expiry as milliseconds since 1970 (48 bits, big endian), 16 random bytes, and the endpoint's id in UTF-8.
 */
import { createHmac, createSecretKey, type KeyObject, timingSafeEqual } from 'node:crypto';
import { type DurationMs, type EndpointId, type EpochMs, endpointId, epochMs, MeshError, type Random } from '@modelmesh/core';
import {
  type IssuedToken,
  TOKEN_CHARS_MAX,
  type TokenKeys,
  type TokenOutcome,
  type TokenProblem,
  type TokensReadiness,
  type TokenVault,
  type TokenVerdict,
} from './port.ts';
import { TokenCache } from './token-cache.ts';

const VERSION = '1';
const EXPIRY_BYTES = 6;
const UNIT_BYTES = 16;
/** The last instant that 48 bits can say. */
const EXPIRES_MAX_MS = 2 ** (8 * EXPIRY_BYTES) - 1;
const WORD = 2 ** 32;
const PARTS = /^1\.([A-Za-z0-9_-]{1,32})\.([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]{43})$/;

const refused = (problem: TokenProblem) => ({ kind: 'refused', problem }) as const;
const REFUSED = {
  malformed: refused('malformed'),
  'unknown-key': refused('unknown-key'),
  forged: refused('forged'),
  expired: refused('expired'),
  'other-endpoint': refused('other-endpoint'),
} as const satisfies Record<TokenProblem, TokenVerdict>;

/** What a vault is made of. */
export interface SignedVaultParts {
  /** Tokens that are remembered as verified; at least 1. */
  readonly rememberedMax: number;
  readonly random: Random;
}

/** What a vault did and holds. */
export interface TokenFigures {
  readonly outcomes: ReadonlyMap<TokenOutcome, number>;
  readonly remembered: number;
  /** Verified tokens that were forgotten for others. */
  readonly forgotten: number;
}

/** The keys in force, ready to sign. */
interface Signer {
  readonly id: string;
  readonly key: KeyObject;
}

/** A vault whose tokens carry their own proof: whoever has the keys knows them again, whichever node gave them. */
export class SignedVault implements TokenVault {
  readonly #random: Random;
  readonly #cache: TokenCache;
  readonly #outcomes = new Map<TokenOutcome, number>();
  #signer: Signer | null = null;
  #keys: ReadonlyMap<string, KeyObject> = new Map();
  #readiness: TokensReadiness = { ready: false, why: 'this node has no keys of tokens' };

  constructor({ rememberedMax, random }: SignedVaultParts) {
    this.#random = random;
    this.#cache = new TokenCache(rememberedMax);
  }

  /** Takes keys into force; what the ones before signed counts only as far as they are among them. */
  use(keys: TokenKeys): void {
    const signers = keys.map(({ id, secret }) => ({ id, key: createSecretKey(secret) }));
    this.#signer = signers[0] ?? null;
    this.#keys = new Map(signers.map(({ id, key }) => [id, key]));
    this.#cache.clear();
    if (signers.length > 0) this.#readiness = { ready: true };
  }

  /** There are no keys, and this is what to do about it. */
  lacksKeys(why: string): void {
    this.use([]);
    this.#readiness = { ready: false, why };
  }

  get readiness(): TokensReadiness {
    return this.#readiness;
  }

  get figures(): TokenFigures {
    return { outcomes: this.#outcomes, remembered: this.#cache.size, forgotten: this.#cache.forgotten };
  }

  issue(endpoint: EndpointId, nowMs: EpochMs, lifetimeMs: DurationMs, unit: string = this.#newUnit()): IssuedToken {
    const signer = this.#signer;
    if (signer === null) throw new MeshError('failed-precondition', this.#readiness.ready ? '' : this.#readiness.why);
    const expiresMs = epochMs(Math.min(EXPIRES_MAX_MS, Math.floor(nowMs + lifetimeMs)));
    const payload = Buffer.alloc(EXPIRY_BYTES + UNIT_BYTES + Buffer.byteLength(endpoint));
    payload.writeUIntBE(expiresMs, 0, EXPIRY_BYTES);
    payload.write(unit, EXPIRY_BYTES, UNIT_BYTES, 'base64url');
    payload.write(endpoint, EXPIRY_BYTES + UNIT_BYTES, 'utf8');
    const signed = `${VERSION}.${signer.id}.${payload.toString('base64url')}`;
    const token = `${signed}.${macOf(signer.key, signed)}`;
    this.#count('issued');
    this.#cache.put({ text: token, endpoint, verdict: { kind: 'verified', unit, expiresMs }, used: false });
    return { token, unit };
  }

  verify(text: string, endpoint: EndpointId, nowMs: EpochMs): TokenVerdict {
    const known = this.#cache.get(text);
    if (known === undefined) return this.#counted(this.#examine(text, endpoint, nowMs));
    if (known.endpoint !== endpoint) return this.#counted(REFUSED['other-endpoint']);
    if (known.verdict.expiresMs <= nowMs) return this.#counted(REFUSED.expired);
    this.#count('remembered');
    return known.verdict;
  }

  /** In this order: nothing that stands in a token is believed before its signature is right. */
  #examine(text: string, endpoint: EndpointId, nowMs: EpochMs): TokenVerdict {
    const parts = text.length > TOKEN_CHARS_MAX ? null : PARTS.exec(text);
    const [, id, encoded, mac] = parts ?? [];
    if (id === undefined || encoded === undefined || mac === undefined) return REFUSED.malformed;
    const key = this.#keys.get(id);
    if (key === undefined) return REFUSED['unknown-key'];
    // Texts, since several texts of base64 can stand for the same bytes.
    const right = macOf(key, text.slice(0, text.length - mac.length - 1));
    if (!timingSafeEqual(Buffer.from(right, 'latin1'), Buffer.from(mac, 'latin1'))) return REFUSED.forged;
    const payload = Buffer.from(encoded, 'base64url');
    if (payload.length <= EXPIRY_BYTES + UNIT_BYTES) return REFUSED.malformed;
    const expiresMs = epochMs(payload.readUIntBE(0, EXPIRY_BYTES));
    const unit = payload.toString('base64url', EXPIRY_BYTES, EXPIRY_BYTES + UNIT_BYTES);
    const verdict = { kind: 'verified', unit, expiresMs } as const;
    const of = endpointId(payload.toString('utf8', EXPIRY_BYTES + UNIT_BYTES));
    if (of !== endpoint) return REFUSED['other-endpoint'];
    if (expiresMs <= nowMs) return REFUSED.expired;
    // A copy: the text may be a part of a long header, which would live as long as it does.
    const own = Buffer.from(text, 'latin1').toString('latin1');
    this.#cache.put({ text: own, endpoint, verdict, used: false });
    return verdict;
  }

  #newUnit(): string {
    const unit = Buffer.allocUnsafe(UNIT_BYTES);
    for (let at = 0; at < UNIT_BYTES; at += 4) unit.writeUInt32BE(this.#random.below(WORD), at);
    return unit.toString('base64url');
  }

  #counted(verdict: TokenVerdict): TokenVerdict {
    this.#count(verdict.kind === 'verified' ? 'verified' : verdict.problem);
    return verdict;
  }

  #count(outcome: TokenOutcome): void {
    this.#outcomes.set(outcome, (this.#outcomes.get(outcome) ?? 0) + 1);
  }
}

const macOf = (key: KeyObject, signed: string): string => createHmac('sha256', key).update(signed, 'utf8').digest('base64url');
