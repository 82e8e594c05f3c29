import type { DurationMs, ModelKey } from '@modelmesh/core';
import { type MessageEncoding, parseEncoding } from '@modelmesh/grpc/compression';
import type { HeaderBlock } from '@modelmesh/grpc/stream';
import {
  type CallTarget,
  forbidsRetry,
  HEADER,
  isBalanced,
  parseGrpcTimeout,
  readTarget,
  wantsOrigin,
} from '@modelmesh/wire/headers';
import type { CallOrigin } from '../call/index.ts';
import { type WantedVariant, wantedBy } from '../picking/index.ts';
import { refuseReserved } from './reserved-services.ts';
import type { RuntimeHeaders } from './runtime-headers.ts';

/** Models besides the first for which the runtime's block is kept with that of a client: more variants share its calls rarely. */
const OTHERS_KEPT_MAX = 3;

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
  /** The variant that the caller names. */
  readonly wanted: WantedVariant;
  /** Whether the answer is to say where it comes from. */
  readonly explains: boolean;
  readonly #headers: HeaderBlock;
  #target: CallTarget | undefined = undefined;
  #hasTarget = false;
  /** The block as the runtime gets it for the first model that it was sent to, and for others. */
  #model: ModelKey | undefined = undefined;
  #block: HeaderBlock | undefined = undefined;
  #others: { readonly model: ModelKey; readonly block: HeaderBlock }[] | undefined = undefined;

  private constructor(headers: HeaderBlock, path: string) {
    this.#headers = headers;
    this.method = path.slice(1);
    refuseReserved(path);
    const timeout = headers.get(HEADER.grpcTimeout);
    this.timeoutMs = timeout === undefined ? undefined : parseGrpcTimeout(timeout);
    this.encoding = parseEncoding(headers.get(HEADER.grpcEncoding));
    this.callRetry = forbidsRetry(headers) ? 'never' : 'safe';
    this.balanced = isBalanced(headers);
    this.wanted = wantedBy(headers);
    this.explains = wantsOrigin(headers);
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

  /**
   * The block as the runtime gets it for `model`. Callers bring the same block again and again, and policies send it to one model after the
   * other: the last few that were made are kept, as the engine keeps what it wrote of each.
   */
  forRuntime(model: ModelKey, makers: RuntimeHeaders): HeaderBlock {
    if (this.#model === model && this.#block !== undefined) return this.#block;
    const known = this.#others?.find((made) => made.model === model);
    if (known !== undefined) return known.block;
    const block = makers.of(this.#headers, model);
    if (this.#block === undefined) [this.#model, this.#block] = [model, block];
    else {
      this.#others ??= [];
      if (this.#others.length === OTHERS_KEPT_MAX) this.#others.shift();
      this.#others.push({ model, block });
    }
    return block;
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
