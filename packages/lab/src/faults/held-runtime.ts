import { durationMs, MeshError } from '@modelmesh/core';
import { GrpcRouter, methodPath, refuseCall } from '@modelmesh/grpc/call';
import { frameMessage } from '@modelmesh/grpc/framing';
import { Listener } from '@modelmesh/grpc/listen';
import {
  type AcceptStream,
  type ByteStream,
  createFrameEngine,
  DEFAULT_STREAM_LIMITS,
  headerBlock,
  type StreamHandler,
} from '@modelmesh/grpc/stream';
import { TimerWheel } from '@modelmesh/grpc/timer-wheel';
import { GRPCInferenceService } from '@modelmesh/wire/inference';
import { ModelRuntime, RuntimeStatusResponse_Status } from '@modelmesh/wire/mmesh';
import { realClock } from '../node-process/index.ts';

const MIB = 1024 * 1024;
/** Asked once a model and shared by all who wait, so that no single client can cancel it. */
const METADATA_PATH = methodPath(GRPCInferenceService.method.modelMetadata);

/**
 * A runtime in this process that loads anything and holds every call until it is told to answer, so that suites see what of a client's
 * behaviour reaches a runtime: that a call came, and that it was cancelled.
 */
export class HeldRuntime implements AsyncDisposable {
  /** Calls that came and neither ended nor were cancelled. */
  readonly held = new Set<HeldCall>();
  /** Calls that the mesh gave up. */
  cancelled = 0;
  /** While it is set, loads wait for it. */
  loadGate: Promise<void> | undefined;
  readonly loads: string[] = [];
  readonly #listener: Listener;

  private constructor() {
    const router = new GrpcRouter({
      clock: realClock,
      timers: new TimerWheel(realClock),
      messageBytesMax: 64 * MIB,
      fallback: this.#accept,
    });
    router.service(ModelRuntime, {
      runtimeStatus: () => ({
        status: RuntimeStatusResponse_Status.READY,
        capacityInBytes: BigInt(1024 * MIB),
        maxLoadingConcurrency: 2,
        modelLoadingTimeoutMs: 60_000,
        defaultModelSizeInBytes: BigInt(MIB),
        runtimeVersion: 'held',
        methodInfos: {},
        allowAnyMethod: true,
      }),
      loadModel: async ({ modelId }) => {
        this.loads.push(modelId);
        await this.loadGate;
        return { sizeInBytes: BigInt(MIB) };
      },
      unloadModel: () => ({}),
      modelSize: () => ({ sizeInBytes: BigInt(MIB) }),
      predictModelSize: () => ({ sizeInBytes: BigInt(MIB) }),
    });
    const engine = createFrameEngine({ clock: realClock });
    this.#listener = new Listener({ engine, limits: DEFAULT_STREAM_LIMITS, accept: router.accept });
  }

  /** Listens on a unix socket. */
  static async listen(path: string): Promise<HeldRuntime> {
    const runtime = new HeldRuntime();
    await runtime.#listener.listen({ kind: 'unix', path });
    return runtime;
  }

  /** Answers all held calls with one message each. */
  answerAll(message: Uint8Array): void {
    for (const call of [...this.held]) call.answer(message);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#listener.close(realClock, durationMs(0));
  }

  readonly #accept: AcceptStream = (stream, headers, end) => {
    if (headers.get(':path') === METADATA_PATH)
      return refuseCall(stream, new MeshError('unsupported-method', 'this runtime describes no model'), end);
    const call = new HeldCall(stream, end, (how) => {
      this.held.delete(call);
      if (how === 'cancelled') this.cancelled += 1;
    });
    this.held.add(call);
    return call;
  };
}

/** One call that waits in a {@link HeldRuntime}. */
export class HeldCall implements StreamHandler {
  readonly #stream: ByteStream;
  readonly #over: (how: 'answered' | 'cancelled') => void;
  /** Whether the whole request has arrived. */
  complete: boolean;

  constructor(stream: ByteStream, end: boolean, over: (how: 'answered' | 'cancelled') => void) {
    this.#stream = stream;
    this.complete = end;
    this.#over = over;
  }

  /** Sends one message and OK. */
  answer(message: Uint8Array): void {
    this.#over('answered');
    this.#stream.sendHeaders(headerBlock([':status', '200', 'content-type', 'application/grpc']), false);
    for (const bytes of frameMessage([message])) this.#stream.sendData(bytes, false);
    this.#stream.sendTrailers(headerBlock(['grpc-status', '0']));
  }

  onHeaders(): void {}

  onData(stream: ByteStream, bytes: Uint8Array, end: boolean): void {
    stream.consume(bytes.length);
    if (end) this.complete = true;
  }

  onTrailers(): void {
    this.complete = true;
  }

  onReset(): void {
    this.#over('cancelled');
  }

  onWritable(): void {}

  onClosed(): void {}
}
