import type { Field } from '../hpack/index.ts';
import type { FieldBlock, MessageFacts } from './field-block.ts';

/** Which part of a message a block is. */
export type MessagePart = 'request' | 'response' | 'trailers';

const REQUEST_PSEUDO: ReadonlySet<string> = new Set([':method', ':scheme', ':path', ':authority']);
const RESPONSE_PSEUDO: ReadonlySet<string> = new Set([':status']);
const NO_PSEUDO: ReadonlySet<string> = new Set();
const PSEUDO = { request: REQUEST_PSEUDO, response: RESPONSE_PSEUDO, trailers: NO_PSEUDO } as const;

const COLON = 0x3a;
const CONTENT_LENGTH = /^\d{1,15}$/;
const STATUS = /^[1-9]\d\d$/;

/** What `block` says as this part of a message, with the fault that makes it malformed (RFC 9113 §8.1.1 to §8.3). */
export function readFacts(block: FieldBlock, part: MessagePart): MessageFacts {
  switch (part) {
    case 'request':
      block.requestFacts ??= new FactReader(part).read(block.fields);
      return block.requestFacts;
    case 'response':
      block.responseFacts ??= new FactReader(part).read(block.fields);
      return block.responseFacts;
    case 'trailers':
      block.trailerFacts ??= new FactReader(part).read(block.fields);
      return block.trailerFacts;
  }
}

/** One pass over the fields of a block. */
class FactReader {
  readonly #part: MessagePart;
  readonly #pseudo = new Map<string, string>();
  #inRegular = false;
  #contentLength = -1;
  #expectsContinue = false;

  constructor(part: MessagePart) {
    this.#part = part;
  }

  read(fields: readonly Field[]): MessageFacts {
    let fault: string | undefined;
    for (const one of fields) {
      fault =
        one.malformed !== undefined
          ? `a field has a ${one.malformed === 'bad-name' ? 'name' : 'value'} with characters that it must not have`
          : one.name.charCodeAt(0) === COLON
            ? this.#readPseudo(one)
            : this.#readRegular(one);
      if (fault !== undefined) break;
    }
    return {
      fault: fault ?? this.#missing(),
      contentLength: this.#contentLength,
      status: this.#part === 'response' ? Number(this.#pseudo.get(':status') ?? 0) : 0,
      expectsContinue: this.#expectsContinue,
    };
  }

  #readPseudo({ name, value }: Field): string | undefined {
    if (!PSEUDO[this.#part].has(name))
      return `${name} is no pseudo-header field of ${this.#part === 'trailers' ? this.#part : `a ${this.#part}`}`;
    if (this.#inRegular) return `${name} stands behind a field that is no pseudo-header field`;
    if (this.#pseudo.has(name)) return `${name} stands there twice`;
    this.#pseudo.set(name, value);
    return undefined;
  }

  #readRegular({ name, value }: Field): string | undefined {
    this.#inRegular = true;
    switch (name) {
      case 'connection':
      case 'proxy-connection':
      case 'keep-alive':
      case 'transfer-encoding':
      case 'upgrade':
        return `${name} is of the connection and must not be sent over HTTP/2`;
      case 'te':
        return value === 'trailers' ? undefined : 'te may say trailers only';
      case 'content-length':
        return this.#readContentLength(value);
      case 'expect':
        if (value.toLowerCase() === '100-continue') this.#expectsContinue = true;
        return undefined;
      default:
        return undefined;
    }
  }

  #readContentLength(value: string): string | undefined {
    if (!CONTENT_LENGTH.test(value)) return 'content-length is no number';
    const bytes = Number(value);
    if (this.#contentLength !== -1 && this.#contentLength !== bytes) return 'content-length stands there with two values';
    this.#contentLength = bytes;
    return undefined;
  }

  #missing(): string | undefined {
    const pseudo = this.#pseudo;
    switch (this.#part) {
      case 'trailers':
        return undefined;
      case 'response':
        return STATUS.test(pseudo.get(':status') ?? '') ? undefined : ':status is missing or no number of three digits';
      case 'request':
        return this.#missingOfRequest();
    }
  }

  /** RFC 9113 §8.3.1 and, for CONNECT, §8.5. */
  #missingOfRequest(): string | undefined {
    const pseudo = this.#pseudo;
    const method = pseudo.get(':method');
    if (method === undefined || method === '') return ':method is missing';
    if (method === 'CONNECT') {
      if (pseudo.has(':scheme') || pseudo.has(':path')) return 'CONNECT has neither :scheme nor :path';
      return pseudo.has(':authority') ? undefined : 'CONNECT needs :authority';
    }
    if (pseudo.get(':scheme') === undefined || pseudo.get(':scheme') === '') return ':scheme is missing';
    const path = pseudo.get(':path');
    return path === undefined || path === '' ? ':path is missing' : undefined;
  }
}
