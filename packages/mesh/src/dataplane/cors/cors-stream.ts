import { answerHead } from '@modelmesh/grpc/call';
import { type AcceptStream, type ByteStream, type HeaderBlock, headerBlock } from '@modelmesh/grpc/stream';
import { type CorsPolicy, isPreflight } from './cors-policy.ts';

/**
 * A stream whose answer says more. What comes goes past it, on the stream below, which is the same but for the headers of the answer.
 */
class AnswerFieldsStream implements ByteStream {
  readonly #below: ByteStream;
  readonly #fields: readonly string[];

  constructor(below: ByteStream, fields: readonly string[]) {
    this.#below = below;
    this.#fields = fields;
  }

  get owner(): unknown {
    return this.#below.owner;
  }
  set owner(owner: unknown) {
    this.#below.owner = owner;
  }

  sendHeaders(headers: HeaderBlock, end: boolean): void {
    this.#below.sendHeaders(headerBlock([...headers.raw(), ...this.#fields]), end);
  }
  sendData(bytes: Uint8Array, end: boolean): boolean {
    return this.#below.sendData(bytes, end);
  }
  sendTrailers(trailers: HeaderBlock): void {
    this.#below.sendTrailers(trailers);
  }
  reset(code: number): void {
    this.#below.reset(code);
  }
  consume(byteCount: number): void {
    this.#below.consume(byteCount);
  }
}

/** Lets pages from elsewhere ask over HTTP/2 what `accept` answers, as the policy in force says. */
export function acceptCors(policy: () => CorsPolicy, accept: AcceptStream): AcceptStream {
  return (stream, headers, end, connection) => {
    const cors = policy();
    if (cors.isOff) return accept(stream, headers, end, connection);
    const origin = headers.get('origin');
    if (origin !== undefined && isPreflight(headers.get(':method'), headers.get('access-control-request-method'))) {
      const granted = cors.preflightFields(origin, headers.get('access-control-request-headers'));
      if (granted !== undefined) {
        return answerHead(stream, [':status', '204', ...granted], end);
      }
    }
    const fields = cors.answerFields(origin);
    const below = fields.length === 0 ? stream : new AnswerFieldsStream(stream, fields);
    return accept(below, headers, end, connection);
  };
}
