import { type Bytes, bytes, durationMs, MeshError, type ModelKey, modelKey, toMeshError } from '@modelmesh/core';
import { type GrpcClient, GrpcStatusError } from '@modelmesh/grpc/call';
import type { ConnectTarget } from '@modelmesh/grpc/stream';
import { ModelRuntimeX, type RuntimeStatusResponse } from '@modelmesh/wire/mmesh';
import { GRPC_CODE, grpcCodeName } from '@modelmesh/wire/status';
import type { LoadedModel, Runtime, RuntimeModel, RuntimeReady, RuntimeState, RuntimeUsage } from './port.ts';
import { RUNTIME_CONTRACT, type RuntimeContract } from './runtime-contract.ts';
import { RuntimeLink, type RuntimeLinkOptions, type RuntimeLinkSink } from './runtime-link.ts';

/** Deadlines of the contract (spec `modelmesh.md` §1.3). */
const PREDICT_TIMEOUT_MS = durationMs(500);
const SIZE_TIMEOUT_MS = durationMs(30_000);
const UNLOAD_TIMEOUT_MS = durationMs(120_000);
const USAGE_TIMEOUT_MS = durationMs(5000);

/** The process of a runtime, where it is ours to start. */
export interface RuntimeProcess {
  start(): void;
  /** Ends the process; it is started again. */
  restart(reason: string): Promise<void>;
  /** Ends it for good. */
  stop(): Promise<void>;
  /** Called when it will not come back by itself. */
  onGivenUp: (message: string) => void;
}

/** Where inference goes when it is not where management is. */
export interface GrpcRuntimeOptions extends RuntimeLinkOptions {
  readonly inference: ConnectTarget | null;
  readonly process: RuntimeProcess | null;
}

/** A runtime behind its gRPC contract, ours to start or found running. */
export class GrpcRuntime implements Runtime, RuntimeLinkSink {
  onState: (state: RuntimeState) => void = () => {};
  readonly #link: RuntimeLink;
  readonly #process: RuntimeProcess | null;
  readonly #inference: ConnectTarget | null;
  #state: RuntimeState = { kind: 'starting' };
  #client: GrpcClient | undefined;
  /** Of the runtime that is ready. */
  #contract: RuntimeContract = RUNTIME_CONTRACT;
  #epoch = 0;
  /** It says for each model how many calls it runs at a time (spec `modelmesh.md` §4.8). */
  #limitsConcurrency = false;
  /** Optional calls that this runtime answered with UNIMPLEMENTED: not asked again in this epoch. */
  #lacks = new Set<'predict' | 'size' | 'extras'>();

  constructor(options: GrpcRuntimeOptions) {
    this.#link = new RuntimeLink(options, this);
    this.#process = options.process;
    this.#inference = options.inference;
    if (this.#process === null) return;
    this.#process.onGivenUp = (message) => {
      // Nothing will answer any more: the link must not go on to say that the runtime is only lost.
      this.#link.close();
      this.onFailing(message);
    };
  }

  get state(): RuntimeState {
    return this.#state;
  }

  start(): void {
    this.#process?.start();
    this.#link.start();
  }

  async predictBytes(model: RuntimeModel): Promise<Bytes | null> {
    const client = this.#client;
    if (client === undefined || this.#lacks.has('predict')) return null;
    try {
      const request = requestOf(model);
      const { sizeInBytes } = await client.call(this.#contract.predictModelSize, request, {
        timeoutMs: PREDICT_TIMEOUT_MS,
      });
      return knownSize(sizeInBytes);
    } catch (error) {
      if (isUnimplemented(error)) this.#lacks.add('predict');
      return null;
    }
  }

  async load(model: RuntimeModel, signal: AbortSignal): Promise<LoadedModel> {
    try {
      const answer = await this.#ready().call(this.#contract.loadModel, requestOf(model), { signal });
      const concurrency = this.#limitsConcurrency ? Math.max(1, answer.maxConcurrency) : null;
      return { bytes: knownSize(answer.sizeInBytes), concurrency };
    } catch (error) {
      if (signal.aborted) throw new MeshError('cancelled', 'the load was cancelled', { cause: error });
      throw loadError(error);
    }
  }

  async unload(key: ModelKey): Promise<void> {
    try {
      await this.#ready().call(this.#contract.unloadModel, { modelId: key }, { timeoutMs: UNLOAD_TIMEOUT_MS });
    } catch (error) {
      if (error instanceof GrpcStatusError && error.code === GRPC_CODE.NOT_FOUND) return;
      throw loadError(error);
    }
  }

  async modelBytes(key: ModelKey): Promise<Bytes | null> {
    const client = this.#client;
    if (client === undefined || this.#lacks.has('size')) return null;
    try {
      const { sizeInBytes } = await client.call(this.#contract.modelSize, { modelId: key }, { timeoutMs: SIZE_TIMEOUT_MS });
      return knownSize(sizeInBytes);
    } catch (error) {
      if (isUnimplemented(error)) this.#lacks.add('size');
      return null;
    }
  }

  async usage(): Promise<RuntimeUsage | null> {
    const client = this.#client;
    if (client === undefined || this.#lacks.has('extras')) return null;
    try {
      const { models, runtime } = await client.unary(ModelRuntimeX.method.modelUsage, {}, { timeoutMs: USAGE_TIMEOUT_MS });
      if (runtime === undefined) return null;
      return {
        models: models.map(({ modelId, measuredBytes, peakBytes }) => ({
          key: modelKey(modelId),
          bytes: bytes(Number(measuredBytes)),
          peakBytes: bytes(Number(peakBytes)),
        })),
        baseBytes: bytes(Number(runtime.baseBytes)),
        privateBytes: bytes(Number(runtime.privateBytes)),
      };
    } catch (error) {
      if (isUnimplemented(error)) this.#lacks.add('extras');
      return null;
    }
  }

  async releaseFiles(key: ModelKey): Promise<void> {
    const client = this.#client;
    if (client === undefined || this.#lacks.has('extras')) return;
    try {
      await client.unary(ModelRuntimeX.method.releaseFiles, { modelId: key }, { timeoutMs: USAGE_TIMEOUT_MS });
    } catch (error) {
      if (isUnimplemented(error)) this.#lacks.add('extras');
    }
  }

  async recycle(reason: string): Promise<void> {
    if (this.#process === null) this.#link.renew(`the connection to the runtime is made anew: ${reason}`);
    else await this.#process.restart(reason);
  }

  async close(): Promise<void> {
    this.#link.close();
    this.#client = undefined;
    await this.#process?.stop();
  }

  onReady(client: GrpcClient, contract: RuntimeContract, status: RuntimeStatusResponse, target: ConnectTarget): void {
    const problem = problemOf(status);
    if (problem !== undefined) {
      this.onFailing(problem);
      return;
    }
    this.#epoch += 1;
    this.#client = client;
    this.#contract = contract;
    this.#lacks = new Set();
    this.#limitsConcurrency = status.limitModelConcurrency;
    this.#become({ kind: 'ready', facts: factsOf(status, this.#epoch, this.#inference ?? target) });
  }

  onSilent(message: string): void {
    this.onLost(message);
    // One that hangs would not end by itself. Its loss has been told: nobody waits for the end.
    this.#process?.restart(message).catch(() => {});
  }

  onLost(message: string): void {
    this.#client = undefined;
    this.#become({ kind: 'lost', message });
  }

  onFailing(message: string): void {
    this.#client = undefined;
    this.#become({ kind: 'failed', message });
  }

  #ready(): GrpcClient {
    if (this.#client === undefined) throw new MeshError('unavailable', 'the runtime is not there');
    return this.#client;
  }

  #become(state: RuntimeState): void {
    this.#state = state;
    this.onState(state);
  }
}

const requestOf = (model: RuntimeModel) => ({
  modelId: model.key,
  modelType: model.type,
  modelPath: model.path,
  modelKey: model.encKey,
});

/** 0 means "not known" throughout the contract. */
const knownSize = (size: bigint): Bytes | null => (size > 0n ? bytes(Number(size)) : null);

const isUnimplemented = (error: unknown): boolean => error instanceof GrpcStatusError && error.code === GRPC_CODE.UNIMPLEMENTED;

/** What a failed load says to people: `CODE: description`, without `UNKNOWN:` where there is a description (spec §4.4.6). */
function loadError(error: unknown): MeshError {
  if (!(error instanceof GrpcStatusError)) {
    const known = toMeshError(error);
    // Nobody cancelled it but the end of the epoch, which closes the connection under it.
    if (known.kind === 'cancelled')
      return new MeshError('unavailable', 'the connection to the runtime was lost', { cause: error });
    return known;
  }
  const { code, message } = error;
  const text = code === GRPC_CODE.UNKNOWN && message !== '' ? message : `${grpcCodeName(code)}: ${message}`;
  return new MeshError('load-failed', text, { cause: error });
}

function factsOf(status: RuntimeStatusResponse, epoch: number, inference: ConnectTarget): RuntimeReady {
  const methods = new Map(Object.entries(status.methodInfos).map(([name, info]) => [name, info.idInjectionPath] as const));
  return {
    epoch,
    capacityBytes: bytes(Number(status.capacityInBytes)),
    loadingConcurrency: status.maxLoadingConcurrency,
    loadTimeoutMs: durationMs(status.modelLoadingTimeoutMs),
    defaultModelBytes: bytes(Number(status.defaultModelSizeInBytes)),
    version: status.runtimeVersion,
    methods,
    anyMethod: status.allowAnyMethod || methods.size === 0,
    inference,
  };
}

const UNIT = 8192n;
const CAPACITY_FLOOR = 512n * 1024n * 1024n;

/** What is wrong with a runtime's own figures (spec `modelmesh.md` §1.3, *Startup validation*), or `undefined`. */
function problemOf(status: RuntimeStatusResponse): string | undefined {
  const said = (what: string, got: unknown, expected: string): string =>
    `the runtime reports ${what} ${got}, expected ${expected}`;
  const { maxLoadingConcurrency, modelLoadingTimeoutMs, defaultModelSizeInBytes: size, capacityInBytes: capacity } = status;
  if (maxLoadingConcurrency < 1) return said('maxLoadingConcurrency', maxLoadingConcurrency, 'at least 1');
  if (modelLoadingTimeoutMs < 100) return said('modelLoadingTimeoutMs', modelLoadingTimeoutMs, 'at least 100');
  if (size < UNIT) return said('defaultModelSizeInBytes', size, `at least ${UNIT}`);
  const tenfold = size * 10n < CAPACITY_FLOOR ? size * 10n : CAPACITY_FLOOR;
  const least = size * 2n > tenfold ? size * 2n : tenfold;
  return capacity < least ? said('capacityInBytes', capacity, `at least ${least}`) : undefined;
}
