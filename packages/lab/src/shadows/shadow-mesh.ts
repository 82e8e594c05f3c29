import { join } from 'node:path';
import { type MirrorDiffView, RestClient, type SegmentDiffView, tensor } from '@modelmesh/sdk/client';
import { ModelMesh } from '@modelmesh/wire/mmesh';
import { encodeInferRequest, NO_PARAMETERS } from '@modelmesh/wire/oip';
import { eventually } from '../faults/index.ts';
import { type GrpcRequest, grpcRequest } from '../load/index.ts';
import { freeFolder, NodeProcess, realClock, serveRuntime } from '../node-process/index.ts';
import { ScoringServer } from './scoring-server.ts';

const MIB = 1_048_576;
/** Far longer than shadows take on a machine that does other things too. */
const SETTLED_WITHIN_MS = 240_000;
const INFER = '/inference.GRPCInferenceService/ModelInfer';

/** What a mesh for shadows may be given. */
export interface ShadowMeshOptions {
  /** Room for so many models of 1 MiB. */
  readonly room: number;
  /** Of the node. */
  readonly flags?: Readonly<Record<string, string>>;
}

/** A real node before a runtime of this process, whose models score. */
export class ShadowMesh implements AsyncDisposable {
  readonly server: ScoringServer;
  readonly node: NodeProcess;
  readonly rest: RestClient;
  readonly #behind: AsyncDisposableStack;

  private constructor(server: ScoringServer, node: NodeProcess, behind: AsyncDisposableStack) {
    this.server = server;
    this.node = node;
    this.rest = new RestClient(node.url);
    this.#behind = behind;
  }

  static async start({ room, flags = {} }: ShadowMeshOptions): Promise<ShadowMesh> {
    await using behind = new AsyncDisposableStack();
    const folder = behind.use(await freeFolder());
    const server = new ScoringServer(realClock, { capacityBytes: room * MIB, defaultModelBytes: MIB });
    const socket = join(folder.path, 'scores.sock');
    behind.use(await serveRuntime(server, socket));
    const external = { 'runtime-kind': 'external', 'runtime-management': `unix:${socket}` };
    const node = behind.use(await NodeProcess.start({ flags: { ...external, ...flags } }));
    return new ShadowMesh(server, node, behind.move());
  }

  /** Registers a model; `path` says how it behaves, as for the null server. */
  async register(modelId: string, path = ''): Promise<void> {
    await this.node.client.unary(ModelMesh.method.registerModel, { modelId, modelInfo: { type: 'null', path } });
  }

  /** An endpoint whose calls go to the model `live`, and so many of them to the model `shadow` too. */
  async applyEndpoint(percent: number, compare: Readonly<Record<string, unknown>> = {}): Promise<void> {
    const mirror = percent === 0 ? {} : { mirror: [{ to: 'shadow', percent, compare }] };
    const variants = [
      { name: 'live', model: 'live', weight: 100 },
      { name: 'shadow', model: 'shadow', weight: 0 },
    ];
    const spec = { variants, default: 'live', ...mirror };
    await this.rest.apply({ apiVersion: 'modelmesh.io/v1alpha1', kind: 'Endpoint', metadata: { name: 'fraud' }, spec });
  }

  /** The call with that number, at the endpoint unless a model is named. */
  request(number: number, model?: string): GrpcRequest {
    const inputs = [tensor('x', 'FP32', [1, 1], Float32Array.of(number))];
    const target = model === undefined ? ['mm-vmodel-id', 'fraud'] : ['mm-model-id', model];
    const head = { modelName: model ?? 'fraud', modelVersion: '', id: `${number}`, parameters: NO_PARAMETERS };
    return grpcRequest(INFER, Buffer.concat(encodeInferRequest({ ...head, inputs, outputs: [] })), target);
  }

  /** What is known of the shadow under the newest policy that had calls, as soon as so many of its calls are over or were dropped. */
  async settled(
    calls: number,
  ): Promise<{ readonly diff: MirrorDiffView; readonly sums: SegmentDiffView; readonly dropped: number }> {
    return eventually(`the shadows of ${calls} calls are over`, SETTLED_WITHIN_MS, async () => {
      const { mirrors } = await this.rest.diff('fraud');
      const [diff] = mirrors;
      const [sums] = diff?.segments ?? [];
      if (diff === undefined || sums === undefined) return undefined;
      const dropped = Object.values(sums.dropped).reduce((sum, one) => sum + one, 0);
      return sums.pairs + dropped >= calls ? { diff, sums, dropped } : undefined;
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.rest.close();
    await this.#behind.disposeAsync();
  }
}
