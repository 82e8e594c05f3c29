import type { InstanceId, MeshError, ModelKey, MonotonicMs } from '@modelmesh/core';
import type { ComparePolicy } from '@modelmesh/core/records';
import type { MessageEncoding } from '@modelmesh/grpc/compression';
import type { HeaderBlock } from '@modelmesh/grpc/stream';
import type { ChosenEndpoint } from '../../link/index.ts';
import type { VariantChoice } from '../picking/index.ts';

/** What lines of the log say of a call, at whichever node they are written. */
export interface CallLog {
  /** Of the headers that are to be logged. */
  readonly fields: Readonly<Record<string, string>>;
  readonly requestId: string | null;
  /** It entered at another node, which has a line of its own. */
  readonly forwarded: boolean;
}

/** How its caller names a call, read only where somebody asks. */
export interface CallOrigin {
  readonly requestId: string | null;
}

/** A shadow that gets the call too, once it is over; what comes of it never reaches the caller. */
export interface CallMirror {
  /** Name of the variant that is the shadow. */
  readonly variant: string;
  readonly model: ModelKey;
  readonly compare: ComparePolicy;
  /** What `compare.segment` says of the call; `null`: nothing. */
  readonly segment: string | null;
}

/** What of a call names its model. */
export interface ForModel {
  /** As {@link CallPlan.headers}. */
  headersFor(model: ModelKey): HeaderBlock;
  /** The whole request, framed; not there where the runtime is told the model by the headers, and by what is injected into the message. */
  framedFor?(model: ModelKey): readonly Uint8Array[];
}

/** What is to be done, decided once when the call entered. */
export interface CallPlan {
  /** Full method, `package.Service/Method`. */
  readonly method: string;
  readonly model: ModelKey;
  readonly endpoint: ChosenEndpoint | null;
  /** What the policy of the endpoint chose, at the node where the call entered; not there without a policy. */
  readonly choice?: VariantChoice | undefined;
  /** Slot of the call's unit as that policy sorts units; -1 or not there: it has none. */
  readonly unitSlot?: number | undefined;
  /** How the call is made for another model, where another variant answers; not there where none can. */
  readonly forModel?: ForModel | undefined;
  /** What the answer brings besides the runtime's own fields, as a flat list name, value. */
  readonly answerFields?: readonly string[] | undefined;
  /** For the runtime: its own pseudo-header fields and ids included, nothing of ours left in. `grpc-timeout`, and between nodes the internal fields,
   * are added with each attempt. */
  readonly headers: HeaderBlock;
  /** Of the request's messages. */
  readonly encoding: MessageEncoding;
  readonly deadline: MonotonicMs | null;
  /**
   * The caller named no deadline: the default one, which holds for single answers only. It is dropped once the call proves to be a stream, and
   * the runtime is not told of it.
   */
  readonly deadlineIsDefault: boolean;
  readonly callRetry: 'safe' | 'never';
  /** The caller spreads its calls evenly over all nodes (`mm-balanced`), so that this node's own copy is preferred. */
  readonly balanced: boolean;
  readonly origin: CallOrigin;
  /** Left out: none. Only of a call that entered the mesh here, through an endpoint. */
  readonly mirrors?: readonly CallMirror[] | undefined;
  /** It is a shadow itself: no use of its model, and nobody waits for it. */
  readonly shadow?: true;
  /** `undefined` where no header of a call is logged. */
  readonly log?: CallLog | undefined;
}

/** Where the answer to a call comes from. */
export interface AnswerOrigin {
  /** As it is carried out: where another variant answers than was picked, that one's. */
  readonly plan: CallPlan;
  /** Who answered, or was asked last; `null`: nobody. */
  readonly instance: InstanceId | null;
}

/** The side that made the call. Exactly one of `onResponseEnd` and `onFailed` comes, last. */
export interface Caller {
  onResponseHeaders(headers: HeaderBlock): void;
  /** False: no more until `InferenceCall.resume`. The bytes belong to the caller. */
  onResponseData(bytes: Uint8Array): boolean;
  /** The runtime's own end, whatever its status; `trailers` always hold `grpc-status`. */
  onResponseEnd(trailers: HeaderBlock): void;
  /** The mesh's end: no answer, or none that is worth having. */
  onFailed(error: MeshError): void;
  /** So many bytes of the request have moved on: their flow-control credit may be returned. */
  onRequestTaken(byteCount: number): void;
}
