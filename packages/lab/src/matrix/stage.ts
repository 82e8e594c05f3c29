import { join } from 'node:path';
import { ModelMesh, ModelRuntime } from '@modelmesh/wire/mmesh';
import { applyModel, copyStates, eventually, LONG_GRACE, ROW, writeModel } from '../faults/index.ts';
import { connectGrpc, NodeProcess } from '../node-process/index.ts';
import type { CallKind, CallOptions, Ended, OpenCall } from './call-kinds.ts';

const MIB = 1024 * 1024;
/** Weights of a model of which three are far from fitting into the cache, whatever is measured of them. */
const LARGE_BYTES = 30 * MIB;
/** Models of the text server that fill its cache: each is booked as 1 MiB. */
const TEXT_MODELS = 70;

/** Which runtime a stage has: what its models are and how they answer. */
export type StageKind = 'onnx' | 'text';

/** One node with models whose answers tell them apart, shared by all cells of its kind. */
export class Stage implements AsyncDisposable {
  readonly kind: StageKind;
  readonly node: NodeProcess;
  /** Models that do not fit into the cache together. */
  readonly crowd: readonly string[];
  readonly #answers: ReadonlyMap<string, string>;

  private constructor(kind: StageKind, node: NodeProcess, answers: ReadonlyMap<string, string>, crowd: readonly string[]) {
    this.kind = kind;
    this.node = node;
    this.#answers = answers;
    this.crowd = crowd;
  }

  /** Starts the node and registers its models: `plain`, the versions 1 and 2 of `family`, and a crowd. */
  static async start(kind: StageKind): Promise<Stage> {
    const server = kind === 'text' ? { 'runtime-server': 'stream-text' } : { 'runtime-workers': '1' };
    const flags = { ...LONG_GRACE, ...server, 'runtime-capacity-bytes': String(64 * MIB), 'shutdown-timeout': '20s' };
    const node = await NodeProcess.start({ flags });
    const answers = new Map<string, string>();
    try {
      const crowd = kind === 'onnx' ? ['large0', 'large1', 'large2'] : Array.from({ length: TEXT_MODELS }, (_, i) => `text${i}`);
      const all = ['plain', 'family@1', 'family@2', ...crowd];
      for (const [seed, key] of all.entries()) answers.set(key, await register(node, kind, key, seed));
      return new Stage(kind, node, answers, crowd);
    } catch (error) {
      await node[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** What an answer of this model says. */
  answerOf(key: string): string {
    return this.#answers.get(key) ?? 'no such model';
  }

  /** Points the endpoint `switched` at a model and waits until that is so. */
  async point(target: string): Promise<void> {
    const request = { vModelId: 'switched', targetModelId: target, sync: true, loadNow: true };
    await this.node.client.unary(ModelMesh.method.setVModel, request);
  }

  /** Drops the copies of a model. Resolves when nobody is told of one any more; its calls may still run. */
  async unload(key: string): Promise<void> {
    await (await fetch(`${this.node.url}/v2/repository/models/${key}/unload`, { method: 'POST' })).arrayBuffer();
  }

  /** Resolves when the model has no copy and no claim. */
  async unloaded(key: string): Promise<void> {
    await this.unload(key);
    await eventually(`${key} is unloaded`, 5000, async () =>
      (await copyStates(this.node, key)).length === 0 ? true : undefined,
    );
  }

  /** Takes a model away from the runtime, of which the mesh hears nothing. */
  async loseInRuntime(modelId: string): Promise<void> {
    using runtime = connectGrpc({ kind: 'unix', path: join(this.node.folder, 'runtime.sock') });
    await runtime.client.unary(ModelRuntime.method.unloadModel, { modelId });
  }

  /**
   * Makes a call and waits for its end. A stream waits for its first answer before it says more: one that has said more than one thing cannot
   * be repeated, and a runtime that was just lost would end it.
   */
  async call(kind: CallKind, options: CallOptions): Promise<Ended> {
    const call = kind.open(this.node, options);
    if (kind.streams) await call.middle;
    return call.finish();
  }

  /**
   * Brings calls to their middle, lets `happen` happen, and lets them go on. A call of one answer is held there by a runtime that is frozen
   * until `happen` is over; `happen` gets its pid.
   */
  async during(
    open: () => readonly OpenCall[],
    streams: boolean,
    happen: (runtimePid: number) => Promise<void>,
  ): Promise<readonly Ended[]> {
    const { runtimePid } = this.node;
    if (!streams) process.kill(runtimePid, 'SIGSTOP');
    const calls = open();
    try {
      await Promise.all(calls.map(({ middle }) => middle));
      await happen(runtimePid);
    } finally {
      if (!streams) resume(runtimePid);
    }
    return Promise.all(calls.map((call) => call.finish()));
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.node[Symbol.asyncDispose]();
  }
}

function resume(pid: number): void {
  try {
    process.kill(pid, 'SIGCONT');
  } catch {
    // It was killed meanwhile.
  }
}

/** Registers one model and returns what its answers say. */
async function register(node: NodeProcess, kind: StageKind, key: string, seed: number): Promise<string> {
  const [family, version] = key.split('@');
  const spec = version === undefined ? {} : { family, version };
  const name = key.replace('@', '-');
  if (kind === 'text') {
    await applyModel(node, name, { storage: { uri: `/pause 20; tag ${name.replace('-', '_')}` }, spec });
    return name.replace('-', '_');
  }
  const file = writeModel(node.folder, name, seed, key.startsWith('large') ? LARGE_BYTES : 4096);
  await applyModel(node, name, { storage: { uri: file.uri }, spec });
  return JSON.stringify(file.answer(ROW));
}
