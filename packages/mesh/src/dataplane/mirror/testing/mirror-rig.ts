import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { endpointId, type MeshError, modelKey } from '@modelmesh/core';
import type { ComparePolicy } from '@modelmesh/core/records';
import type { DiffSummary, MirrorDiff } from '@modelmesh/core/traffic';
import { frameMessage, MessageAssembler } from '@modelmesh/grpc/framing';
import { headerBlock } from '@modelmesh/grpc/stream';
import { runtimeIdHeaders } from '@modelmesh/wire/headers';
import { parseGrpcStatus } from '@modelmesh/wire/status';
import { type CallMirror, type CallPlan, type InferenceCall, startWhole } from '../../call/index.ts';
import { PeerNode, type PeerNodeOptions } from '../../peers/testing/index.ts';
import { newCall } from '../index.ts';
import { ScoringRuntime } from './scoring-runtime.ts';

export const INFER = 'inference.GRPCInferenceService/ModelInfer';
export const ENDPOINT = endpointId('fraud');
export const COMPARE: ComparePolicy = { tolerance: 1e-6, topK: 2, output: null, segment: null, comparer: 'tensors' };

/** What became of a live call, as its caller sees it. */
export interface LiveEnd {
  readonly code: number;
  readonly messages: readonly Uint8Array[];
}

/** A node whose calls have shadows, in front of a runtime that is the test's to play. */
export class MirrorRig implements AsyncDisposable {
  readonly node: PeerNode;
  readonly runtime: ScoringRuntime;
  readonly #folder: string;

  private constructor(node: PeerNode, runtime: ScoringRuntime, folder: string) {
    this.node = node;
    this.runtime = runtime;
    this.#folder = folder;
  }

  static async start(name: string, options: Omit<PeerNodeOptions, 'runtimeAt'> = {}): Promise<MirrorRig> {
    const folder = mkdtempSync(join(tmpdir(), 'mesh-mirror-'));
    const path = join(folder, 'scores.sock');
    const runtime = new ScoringRuntime();
    await runtime.listen(path);
    const node = await PeerNode.start(name, { ...options, runtimeAt: { kind: 'unix', path } });
    return new MirrorRig(node, runtime, folder);
  }

  /** Routes a model to a copy here. */
  async serve(...models: readonly string[]): Promise<void> {
    for (const model of models) await this.node.route(model, this.node.serve(model));
  }

  /** A live call of `live` with these shadows. @param atEnd what the caller does as soon as it has the whole answer */
  begin(
    mirrors: readonly Partial<CallMirror>[],
    plan: Partial<CallPlan> = {},
    atEnd: (call: InferenceCall) => void = () => {},
  ): { readonly call: InferenceCall; end: Promise<LiveEnd> } {
    const { promise, resolve } = Promise.withResolvers<LiveEnd>();
    const messages: Uint8Array[] = [];
    const assembler = new MessageAssembler(64 * 1024 * 1024, (bytes) => messages.push(bytes));
    const method = plan.method ?? INFER;
    const call: InferenceCall = newCall(
      this.node.dataPlane.plane,
      {
        onResponseHeaders: () => {},
        onResponseData: (bytes) => {
          assembler.push(bytes);
          return true;
        },
        onResponseEnd: (trailers) => {
          atEnd(call);
          resolve({ code: parseGrpcStatus(trailers.get('grpc-status') ?? ''), messages });
        },
        onFailed: (error: MeshError) => resolve({ code: error.kind === 'deadline-exceeded' ? 4 : 14, messages }),
        onRequestTaken: () => {},
      },
      {
        method,
        model: modelKey('live'),
        endpoint: { id: ENDPOINT, revision: 7, variant: 'stable' },
        headers: headerBlock([
          ...[':method', 'POST', ':scheme', 'http', ':authority', 'localhost', ':path', `/${method}`],
          ...['content-type', 'application/grpc', 'te', 'trailers', 'x-kept', 'yes', ...runtimeIdHeaders(modelKey('live'))],
        ]),
        encoding: 'identity',
        deadline: null,
        deadlineIsDefault: false,
        callRetry: 'safe',
        balanced: false,
        origin: { requestId: 'r-1' },
        mirrors: mirrors.map((mirror) => ({ ...mirrorTo('shadow'), ...mirror })),
        ...plan,
      },
    );
    return { call, end: promise };
  }

  /** A whole live call. */
  async call(mirrors: readonly Partial<CallMirror>[], request = 'question', plan: Partial<CallPlan> = {}): Promise<LiveEnd> {
    const { call, end } = this.begin(mirrors, plan);
    startWhole(call, frameMessage([Buffer.from(request)]));
    return end;
  }

  /** What the worker knows of the mirrors. */
  diffs(): readonly MirrorDiff[] {
    return this.node.dataPlane.shadows.book.of(ENDPOINT);
  }

  /** Sums of the only segment of the only mirror. */
  summary(): DiffSummary {
    const summary = this.diffs()[0]?.segments[0]?.summary;
    if (summary === undefined) throw new Error('nothing is known of any mirror');
    return summary;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.node.kill();
    await this.runtime.close();
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

/** A mirror to the variant and the model of that name. */
export const mirrorTo = (name: string, compare: Partial<ComparePolicy> = {}): CallMirror => ({
  variant: name,
  model: modelKey(name),
  compare: { ...COMPARE, ...compare },
  segment: null,
});
