import type { DurationMs } from '@modelmesh/core';
import { type MessageEncoding, parseEncoding } from '@modelmesh/grpc/compression';
import type { HeaderBlock } from '@modelmesh/grpc/stream';
import { type CallTarget, forbidsRetry, HEADER, isBalanced, parseGrpcTimeout, readTarget } from '@modelmesh/wire/headers';
import type { CallOrigin } from '../call/index.ts';
import { refuseReserved } from './reserved-services.ts';

/** What the header block of a call says. Read once a block, however often the block comes. */
export class CallHead implements CallOrigin {
  /** Full method, `package.Service/Method`. */
  readonly method: string;
  /** Of the deadline that the caller named; `undefined`: it named none. */
  readonly timeoutMs: DurationMs | undefined;
  /** Of the request's messages. */
  readonly encoding: MessageEncoding;
  readonly callRetry: 'safe' | 'never';
  readonly balanced: boolean;
  readonly #headers: HeaderBlock;
  #target: CallTarget | undefined = undefined;
  #hasTarget = false;

  private constructor(headers: HeaderBlock, path: string) {
    this.#headers = headers;
    this.method = path.slice(1);
    refuseReserved(path);
    const timeout = headers.get(HEADER.grpcTimeout);
    this.timeoutMs = timeout === undefined ? undefined : parseGrpcTimeout(timeout);
    this.encoding = parseEncoding(headers.get(HEADER.grpcEncoding));
    this.callRetry = forbidsRetry(headers) ? 'never' : 'safe';
    this.balanced = isBalanced(headers);
  }

  /** @throws {MeshError} for a method that never goes to a runtime, and for a timeout or an encoding that is none */
  static of(headers: HeaderBlock): CallHead {
    if (headers.note instanceof CallHead) return headers.note;
    const head = new CallHead(headers, headers.get(':path') ?? '');
    headers.note = head;
    return head;
  }

  get requestId(): string | null {
    return this.#headers.get(HEADER.requestId) ?? null;
  }

  /** The models that the headers name; `undefined`: none. @throws {MeshError} as `readTarget` does */
  get target(): CallTarget | undefined {
    if (!this.#hasTarget) {
      this.#target = readTarget(this.#headers);
      this.#hasTarget = true;
    }
    return this.#target;
  }
}
