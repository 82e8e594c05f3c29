import { fileURLToPath } from 'node:url';
import { rawMethod } from '@modelmesh/grpc/call';
import { RestClient } from '@modelmesh/sdk/client';
import { HEADER, ORIGIN_HEADER } from '@modelmesh/wire/headers';
import { ModelMesh } from '@modelmesh/wire/mmesh';
import { NodeProcess } from '../node-process/index.ts';

const echo = rawMethod('/any.Service/Call');

/** Calls at a time. */
const CALLERS = 16;

/** The path of a module of plug-ins beside this file. */
export const pluginModule = (name: string): string => fileURLToPath(new URL(`./plugins/${name}.ts`, import.meta.url));

/** A node with plug-ins, whose endpoints have the variants `a` and `b`. */
export class PluginNode implements AsyncDisposable {
  readonly node: NodeProcess;
  readonly #rest: RestClient;

  private constructor(node: NodeProcess) {
    this.node = node;
    this.#rest = new RestClient(node.url);
  }

  /** @param paths of the models `a` and `b`, where they are to do more than answer at once */
  static async start(
    modules: readonly string[],
    flags: Readonly<Record<string, string>> = {},
    paths: Readonly<Record<string, string>> = {},
  ): Promise<PluginNode> {
    const node = await NodeProcess.start({
      flags: {
        'runtime-server': 'null',
        ...(modules.length === 0 ? {} : { plugins: modules.map(pluginModule).join(',') }),
        ...flags,
      },
    });
    const started = new PluginNode(node);
    for (const modelId of ['a', 'b'])
      await node.client.unary(ModelMesh.method.registerModel, {
        modelId,
        modelInfo: { type: 'null', path: paths[modelId] ?? 'size 8192' },
        loadNow: true,
        sync: true,
      });
    return started;
  }

  /** Applies an endpoint of the name of its strategy. */
  async apply(strategy: string, config: Readonly<Record<string, unknown>> = {}, weights: readonly [number, number] = [1, 1]) {
    const [a, b] = weights;
    const variants = [
      { name: 'a', model: 'a', weight: a },
      { name: 'b', model: 'b', weight: b },
    ];
    const spec = { variants, default: 'a', strategy: { name: strategy, config } };
    return this.#rest.apply({ apiVersion: 'modelmesh.io/v1alpha1', kind: 'Endpoint', metadata: { name: strategy }, spec });
  }

  /** The variant that answered a call of the endpoint. @throws when the call fails, or another answer comes */
  async call(endpoint: string, headers: readonly string[] = []): Promise<string> {
    const text = `call of ${endpoint}`;
    let variant = '';
    const answer = await this.node.client.call(echo, [Buffer.from(text)], {
      headers: ['mm-vmodel-id', endpoint, HEADER.explain, 'true', ...headers],
      onHeaders: (block) => {
        variant = block.get(ORIGIN_HEADER.variant) ?? '';
      },
    });
    if (Buffer.from(answer).toString() !== text) throw new Error(`an answer of ${answer.length} bytes that was not asked for`);
    return variant;
  }

  /** Calls of the endpoint by many callers until `done`: what answered, by variant. A call that fails is counted by its sentence. */
  async callUntil(endpoint: string, done: Promise<unknown>): Promise<ReadonlyMap<string, number>> {
    let isDone = false;
    const ended = done.finally(() => {
      isDone = true;
    });
    const counts = new Map<string, number>();
    const caller = async (): Promise<void> => {
      while (!isDone) {
        const said = await this.call(endpoint).catch((error: unknown) => `failed: ${String(error)}`);
        counts.set(said, (counts.get(said) ?? 0) + 1);
      }
    };
    await Promise.all([ended, ...Array.from({ length: CALLERS }, caller)]);
    return counts;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.node[Symbol.asyncDispose]();
  }
}
