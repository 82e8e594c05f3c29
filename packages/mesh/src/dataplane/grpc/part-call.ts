import { MeshError, toMeshError } from '@modelmesh/core';
import { MessageAssembler } from '@modelmesh/grpc/framing';
import type { HeaderBlock } from '@modelmesh/grpc/stream';
import { errorMapping, GRPC_CODE, parseGrpcStatus } from '@modelmesh/wire/status';
import { type Caller, type CallPlan, type InferenceCall, type Plane, startWhole } from '../call/index.ts';
import { newCall } from '../mirror/index.ts';

/** One model's answer to a call for several. */
export interface PartAnswer {
  readonly headers: HeaderBlock;
  readonly message: Uint8Array;
  readonly trailers: HeaderBlock;
}

/** How a part ended. */
export type PartEnd =
  | { readonly kind: 'answered'; readonly answer: PartAnswer }
  /** The runtime's own words. */
  | { readonly kind: 'refused'; readonly code: number; readonly headers: HeaderBlock | null; readonly trailers: HeaderBlock }
  | { readonly kind: 'failed'; readonly error: MeshError };

/** Hears of a part. */
export interface PartOwner {
  /** So many bytes of an answer are held from now on. @throws {MeshError} if that is more than may be. */
  onPartBytes(byteCount: number): void;
  /** Once, last; not after {@link PartCall.cancel}. */
  onPartEnd(part: PartCall, end: PartEnd): void;
}

/** Whether an end says that the model does not exist, which a call for several may leave out. */
export function saysNotFound(end: PartEnd): boolean {
  if (end.kind === 'failed') return errorMapping(end.error.kind).grpc === GRPC_CODE.NOT_FOUND;
  return end.kind === 'refused' && end.code === GRPC_CODE.NOT_FOUND;
}

/** The call of one model in a call for several: one whole message for one whole message. */
export class PartCall implements Caller {
  readonly #owner: PartOwner;
  readonly #assembler: MessageAssembler;
  #call: InferenceCall | undefined = undefined;
  #headers: HeaderBlock | null = null;
  #message: Uint8Array | undefined;
  #over = false;

  /** @param messageBytesMax the largest answer */
  constructor(owner: PartOwner, messageBytesMax: number) {
    this.#owner = owner;
    this.#assembler = new MessageAssembler(messageBytesMax, (bytes, compressed) => this.#take(bytes, compressed));
  }

  /** Sets off with one framed message, which belongs to the call from now on. The end may come before this returns. */
  start(plane: Plane, plan: CallPlan, framed: readonly Uint8Array[]): void {
    this.#call = newCall(plane, this, plan);
    startWhole(this.#call, framed);
  }

  /** Nobody wants the answer any more. */
  cancel(): void {
    if (this.#over) return;
    this.#over = true;
    this.#call?.cancel();
  }

  onResponseHeaders(headers: HeaderBlock): void {
    this.#headers = headers;
  }

  onResponseData(bytes: Uint8Array): boolean {
    if (this.#over) return true;
    try {
      this.#owner.onPartBytes(bytes.length);
      this.#assembler.push(bytes);
    } catch (error) {
      this.#call?.cancel();
      this.onFailed(toMeshError(error));
    }
    return true;
  }

  onResponseEnd(trailers: HeaderBlock): void {
    const [headers, message] = [this.#headers, this.#message];
    const code = parseGrpcStatus(trailers.get('grpc-status') ?? '');
    if (code !== GRPC_CODE.OK) this.#end({ kind: 'refused', code, headers, trailers });
    else if (headers === null || message === undefined)
      this.onFailed(new MeshError('internal', 'the runtime ended the call without an answer'));
    else this.#end({ kind: 'answered', answer: { headers, message, trailers } });
  }

  onFailed(error: MeshError): void {
    this.#end({ kind: 'failed', error });
  }

  /** The request was handed over whole. */
  onRequestTaken(): void {}

  #take(message: Uint8Array, compressed: boolean): void {
    if (compressed) throw new MeshError('internal', 'the runtime compressed its answer, which it was not asked to');
    if (this.#message !== undefined)
      throw new MeshError('unsupported-method', 'a call for several models takes one answer of each: streams are not supported');
    this.#message = message;
  }

  #end(end: PartEnd): void {
    if (this.#over) return;
    this.#over = true;
    this.#owner.onPartEnd(this, end);
  }
}
