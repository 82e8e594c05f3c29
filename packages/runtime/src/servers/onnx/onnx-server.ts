import { type Clock, MeshError } from '@modelmesh/core';
import type { MemoryProbe, WindowResult } from '../../memory/index.ts';
import { type ModelReference, parseModelReference, type Storage } from '../../storage/index.ts';
import { ModelBook } from '../model-book/index.ts';
import { acceptOip, type InferSink, type InferTicket, type ModelMetadata, OIP_METHODS, type OipEngine } from '../oip/index.ts';
import type {
  CallHandler,
  InferenceCall,
  ModelRequest,
  ModelServer,
  ModelUsage,
  PreparedModel,
  ProcessUsage,
  ServerFacts,
} from '../port.ts';
import type { TensorSpec } from '../tensors/index.ts';
import { checkExternalFiles, locateModelFile, type ModelFacts, predictSessionBytes, scanModelFile } from './model-file/index.ts';
import { type PoolModel, WorkerPool, type WorkerPort } from './pool/index.ts';

/** What an ONNX server is made of. */
export interface OnnxServerOptions {
  readonly clock: Clock;
  readonly endOfTurn: (run: () => void) => void;
  readonly spawn: () => WorkerPort;
  readonly storage: Storage;
  readonly probe: MemoryProbe;
  /** Absolute folder for relative model paths. */
  readonly storageRoot: string | undefined;
  readonly facts: Pick<
    ServerFacts,
    'capacityBytes' | 'loadingConcurrencyMax' | 'loadTimeoutMs' | 'defaultModelBytes' | 'version'
  >;
  readonly workersMin: number;
  readonly workersMax: number;
  readonly runsQueuedMax: number;
  readonly runBytesQueuedMax: number;
}

interface LocatedModel {
  readonly file: string;
  readonly facts: ModelFacts;
  readonly filesBytes: number;
  readonly reference: ModelReference;
  readonly sessionBytes: number;
}

interface MemoryFacts {
  predictedBytes: number;
  /** Sum over its sessions, as far as they were measured. */
  measuredBytes: number | undefined;
  peakBytes: number;
}

const PLATFORM = 'onnx_onnxv1';

/** Serves ONNX models from worker threads of this process. */
export class OnnxServer implements ModelServer, OipEngine {
  readonly name = 'modelmesh-onnx';
  readonly version: string;
  readonly facts: ServerFacts;
  readonly #options: OnnxServerOptions;
  readonly #pool: WorkerPool;
  readonly #models: ModelBook<PoolModel>;
  readonly #memory = new Map<string, MemoryFacts>();
  readonly #bytesBeforeWorkers: number;
  /** Private bytes without models and without this thread's JavaScript, with as many workers as there always are. */
  #bareBytes = 0;
  /** What each worker beyond those adds. */
  #workerBytes = 0;

  constructor(options: OnnxServerOptions) {
    this.#options = options;
    this.version = options.facts.version;
    this.facts = { ...options.facts, methods: OIP_METHODS, allowsAnyMethod: false };
    this.#bytesBeforeWorkers = options.probe.read() - options.probe.scriptBytes();
    this.#pool = new WorkerPool(
      { ...options, scriptBytes: options.probe.scriptBytes, workerBytes: () => this.#workerBytes },
      {
        measured: (results) => this.#measured(results),
        firstRun: (modelId, keptBytes, peakBytes, isQuiet) => this.#firstRun(modelId, keptBytes, peakBytes, isQuiet),
        modelLost: (modelId) => this.#lost(modelId),
      },
    );
    this.#models = new ModelBook({
      load: (request, signal) => this.#load(request, signal),
      unload: async (modelId, model) => {
        await this.#pool.unload(model, this.#sizeOf(modelId));
        this.#memory.delete(modelId);
      },
    });
  }

  async start(): Promise<void> {
    await this.#pool.ready();
    const { probe, workersMin } = this.#options;
    this.#bareBytes = (await probe.readAsync()) - probe.scriptBytes();
    this.#workerBytes = Math.max(0, (this.#bareBytes - this.#bytesBeforeWorkers) / workersMin);
  }

  async prepare(request: ModelRequest, signal: AbortSignal): Promise<PreparedModel> {
    const { located, done } = await this.#fetch(request, signal);
    done();
    return { predictedBytes: this.#predictedOf(located), filesBytes: located.filesBytes };
  }

  async predict(request: ModelRequest): Promise<number> {
    const reference = this.#reference(request);
    const path = await this.#options.storage.find(reference.source);
    if (path === undefined) throw new MeshError('not-found', `the files of ${request.modelId} are not on this machine yet`);
    return this.#predictedOf(await locate(path, reference));
  }

  async load(request: ModelRequest, signal: AbortSignal): Promise<number> {
    await this.#models.load(request, signal);
    return this.#sizeOf(request.modelId);
  }

  unload(modelId: string): Promise<void> {
    return this.#models.unload(modelId);
  }

  purge(): Promise<void> {
    return this.#models.purge();
  }

  size(modelId: string): number {
    if (this.#models.loaded(modelId) === undefined) throw notLoaded(modelId);
    return this.#sizeOf(modelId);
  }

  usage(modelIds: readonly string[]): readonly ModelUsage[] {
    const ids = modelIds.length === 0 ? this.#models.loadedIds() : modelIds.filter((id) => this.#models.loaded(id) !== undefined);
    return ids.map((modelId) => {
      const measuredBytes = this.#sizeOf(modelId);
      return { modelId, measuredBytes, peakBytes: Math.max(measuredBytes, this.#memory.get(modelId)?.peakBytes ?? 0) };
    });
  }

  async processUsage(): Promise<ProcessUsage> {
    const { probe, workersMin } = this.#options;
    const added = Math.max(0, this.#pool.workerCount - workersMin);
    const baseBytes = Math.round(this.#bareBytes + added * this.#workerBytes + probe.scriptBytes());
    return { baseBytes, privateBytes: await probe.readAsync() };
  }

  isEmpty(): boolean {
    return this.#models.isEmpty();
  }

  rest(): void {
    this.#pool.rest();
  }

  async releaseFiles(modelId: string): Promise<void> {
    if (this.#models.isKnown(modelId))
      throw new MeshError('failed-precondition', `the model ${modelId} is loaded; unload it first`);
    await this.#options.storage.release(modelId);
  }

  accept(call: InferenceCall): CallHandler {
    return acceptOip(this, call);
  }

  async close(): Promise<void> {
    await this.purge();
    this.#pool.close();
  }

  metadata(modelId: string): ModelMetadata | undefined {
    const model = this.#models.loaded(modelId);
    if (model === undefined) return undefined;
    return {
      platform: PLATFORM,
      inputs: model.signature.inputs.map(metadataOf),
      outputs: model.signature.outputs.map(metadataOf),
    };
  }

  infer(modelId: string, request: readonly Uint8Array[], byteCount: number, sink: InferSink): InferTicket {
    const model = this.#models.loaded(modelId);
    if (model === undefined) throw notLoaded(modelId);
    return this.#pool.run(model, request, byteCount, sink);
  }

  async #load(request: ModelRequest, signal: AbortSignal): Promise<PoolModel> {
    const { modelId } = request;
    const { located, done } = await this.#fetch(request, signal);
    try {
      this.#memory.set(modelId, { predictedBytes: this.#predictedOf(located), measuredBytes: undefined, peakBytes: 0 });
      const { file: path, facts, sessionBytes } = located;
      const instances = this.#instancesOf(located);
      return await this.#pool.load({ modelId, path, unshaped: facts.unshaped, sessionBytes, instances }, signal);
    } catch (error) {
      this.#memory.delete(modelId);
      throw error;
    } finally {
      done();
    }
  }

  async #fetch(request: ModelRequest, signal: AbortSignal): Promise<{ located: LocatedModel; done: () => void }> {
    const reference = this.#reference(request);
    const files = await this.#options.storage.fetch(request.modelId, reference.source, signal);
    try {
      return { located: await locate(files.path, reference), done: files.done };
    } catch (error) {
      files.done();
      throw error;
    }
  }

  #reference(request: ModelRequest): ModelReference {
    const reference = parseModelReference(request.modelPath, request.modelKey, this.#options.storageRoot);
    const format = reference.format?.name ?? 'onnx';
    if (format.toLowerCase() === 'onnx') return reference;
    throw new MeshError('invalid-argument', `the model ${request.modelId} has the format "${format}"; this runtime loads onnx`);
  }

  #sizeOf(modelId: string): number {
    const memory = this.#memory.get(modelId);
    return memory?.measuredBytes ?? memory?.predictedBytes ?? this.facts.defaultModelBytes;
  }

  #measured(results: readonly WindowResult[]): void {
    const sums = new Map<string, number>();
    for (const { modelId, measuredBytes } of results) sums.set(modelId, (sums.get(modelId) ?? 0) + measuredBytes);
    for (const [modelId, measuredBytes] of sums) {
      const memory = this.#memory.get(modelId);
      if (memory !== undefined) memory.measuredBytes = measuredBytes;
    }
  }

  #firstRun(modelId: string, keptBytes: number, peakBytes: number, isQuiet: boolean): void {
    const memory = this.#memory.get(modelId);
    if (memory === undefined || !isQuiet) return;
    memory.measuredBytes = this.#sizeOf(modelId) + keptBytes;
    memory.peakBytes = Math.max(memory.peakBytes, memory.measuredBytes + Math.max(0, peakBytes - keptBytes));
  }

  /** A worker died: what it held is gone, so the mesh must hear NOT_FOUND and load again. */
  #lost(modelId: string): void {
    const model = this.#models.loaded(modelId);
    if (model === undefined) return;
    this.#models.lost(modelId);
    this.#memory.delete(modelId);
    // Its sessions in workers that live are of no use without the model's own entry.
    void this.#pool.unload(model, 0);
  }

  #predictedOf(located: LocatedModel): number {
    return located.sessionBytes * this.#instancesOf(located);
  }

  #instancesOf(located: LocatedModel): number {
    return Math.min(located.reference.instances, this.#options.workersMax);
  }
}

async function locate(path: string, reference: ModelReference): Promise<LocatedModel> {
  const file = await locateModelFile(path);
  const facts = await scanModelFile(file);
  const externalBytes = await checkExternalFiles(file, facts);
  return { file, facts, filesBytes: facts.fileBytes + externalBytes, reference, sessionBytes: predictSessionBytes(facts) };
}

function metadataOf({ name, type, shape }: TensorSpec): { name: string; datatype: string; shape: readonly number[] } {
  return { name, datatype: type.datatype, shape: shape ?? [-1] };
}

function notLoaded(modelId: string): MeshError {
  return new MeshError('model-not-found', `the model ${modelId} is not loaded`);
}
