import type { Field } from '../hpack/index.ts';
import type { FieldBlock, MessageFacts } from './field-block.ts';

/** Which part of a message a block is. */
export type MessagePart = 'request' | 'response' | 'trailers';

/** Pseudo-header fields as bits of a set (RFC 9113 §8.3). */
const PSEUDO = { method: 1, scheme: 2, path: 4, authority: 8, status: 16 } as const;
const ALLOWED = { request: 15, response: 16, trailers: 0 } as const;

function pseudoBit(name: string): number {
  switch (name) {
    case ':method':
      return PSEUDO.method;
    case ':scheme':
      return PSEUDO.scheme;
    case ':path':
      return PSEUDO.path;
    case ':authority':
      return PSEUDO.authority;
    case ':status':
      return PSEUDO.status;
    default:
      return 0;
  }
}

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
  /** Bits of the pseudo-header fields that stand there, and of those whose value is empty. */
  #pseudo = 0;
  #empty = 0;
  #method = '';
  #status = '';
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
      status: Number(this.#status),
      expectsContinue: this.#expectsContinue,
    };
  }

  #readPseudo({ name, value }: Field): string | undefined {
    const bit = pseudoBit(name);
    if ((bit & ALLOWED[this.#part]) === 0)
      return `${name} is no pseudo-header field of ${this.#part === 'trailers' ? this.#part : `a ${this.#part}`}`;
    if (this.#inRegular) return `${name} stands behind a field that is no pseudo-header field`;
    if ((this.#pseudo & bit) !== 0) return `${name} stands there twice`;
    this.#pseudo |= bit;
    if (value === '') this.#empty |= bit;
    if (bit === PSEUDO.method) this.#method = value;
    if (bit === PSEUDO.status) this.#status = value;
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
    switch (this.#part) {
      case 'trailers':
        return undefined;
      case 'response':
        return STATUS.test(this.#status) ? undefined : ':status is missing or no number of three digits';
      case 'request':
        return this.#missingOfRequest();
    }
  }

  /** RFC 9113 §8.3.1 and, for CONNECT, §8.5. */
  #missingOfRequest(): string | undefined {
    const pseudo = this.#pseudo;
    const filled = pseudo & ~this.#empty;
    if ((filled & PSEUDO.method) === 0) return ':method is missing';
    if (this.#method === 'CONNECT') {
      if ((pseudo & (PSEUDO.scheme | PSEUDO.path)) !== 0) return 'CONNECT has neither :scheme nor :path';
      return (pseudo & PSEUDO.authority) === 0 ? 'CONNECT needs :authority' : undefined;
    }
    if ((filled & PSEUDO.scheme) === 0) return ':scheme is missing';
    return (filled & PSEUDO.path) === 0 ? ':path is missing' : undefined;
  }
}
