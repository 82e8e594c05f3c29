import { durationMs, epochMs, type InstanceId, instanceId } from '@modelmesh/core';
import { type CacheConfig, DEFAULT_CACHE_CONFIG } from '@modelmesh/core/cache';
import type { DecisionQuery, DecisionRecord } from '@modelmesh/core/journal';
import { modelRecordKey, withCopyClaimed } from '@modelmesh/core/records';
import type { ModelStatus } from '@modelmesh/core/registration';
import { Scope } from '@modelmesh/core/scope';
import { FakeClock } from '@modelmesh/core/testing';
import { encodeRecord, recordKeyText, registryLayout, schemaKey } from '@modelmesh/wire/registry';
import { type Kv, openRegistry } from '../../kv/index.ts';
import {
  allocateCounters,
  type CallChoice,
  type CallRecord,
  type ChoiceQuery,
  createInProcessLink,
  type InProcessLink,
  type LocateAsk,
  type Located,
  SlotCounters,
  type SlotRef,
  type ToDataPlane,
} from '../../link/index.ts';
import type { NodeEvent } from '../control.ts';
import { ALONE, type ControlSetup, type RunningControl, startControl } from '../start-control.ts';
import { FakeRuntime } from './fake-runtime.ts';

/** Where the records of the rig stand. */
export const LAYOUT = registryLayout({ root: '', prefix: 'mm', service: 'test' });

/** What a test may want otherwise. */
export interface ControlRigOptions extends Pick<ControlSetup, 'isLeader' | 'ensureCopies' | 'onParameters'> {
  readonly readOnly?: boolean;
  readonly cache?: Partial<CacheConfig>;
  /** Puts something between control and its store. */
  readonly kv?: (kv: Kv) => Kv;
}

/** Control of one node under a fake clock, with a store in memory, a runtime and a data plane that are the test's to play. */
export class ControlRig {
  readonly clock: FakeClock;
  readonly runtime = new FakeRuntime();
  readonly counters: SlotCounters;
  readonly instance: InstanceId = instanceId('here');
  /** What the data plane was told. */
  readonly told: ToDataPlane[] = [];
  readonly events: NodeEvent[] = [];
  readonly failures: unknown[] = [];
  /** What the data plane says of the copies that it chose; `undefined`: nothing. */
  choices: (query: ChoiceQuery, limit: number) => readonly CallChoice[] | undefined = () => [];
  readonly running: RunningControl;
  readonly kv: Kv;
  readonly #link: InProcessLink;
  #requests = 0;
  readonly #scope: Scope;

  private constructor(parts: {
    readonly clock: FakeClock;
    readonly counters: SlotCounters;
    readonly running: RunningControl;
    readonly kv: Kv;
    readonly link: InProcessLink;
    readonly scope: Scope;
    readonly failures: unknown[];
    readonly runtime: FakeRuntime;
  }) {
    this.clock = parts.clock;
    this.counters = parts.counters;
    this.running = parts.running;
    this.kv = parts.kv;
    this.#link = parts.link;
    this.#scope = parts.scope;
    this.failures = parts.failures;
    this.runtime = parts.runtime;
    this.#link.dataPlane.onMessage = (message) => this.#hear(message);
    this.running.control.subscribe(0, (event) => this.events.push(event));
    this.#link.dataPlane.send({ kind: 'snapshot-wanted' });
  }

  /** Starts control in front of a runtime that is not up yet. */
  static async start(options: ControlRigOptions = {}): Promise<ControlRig> {
    const clock = new FakeClock();
    const memory = allocateCounters(1, 64);
    const link = createInProcessLink({ clone: true });
    const failures: unknown[] = [];
    const scope = new Scope('test', ({ error }) => failures.push(error));
    const store = await openRegistry('memory', { location: '', clock, schemaKey: schemaKey(LAYOUT) });
    const kv = options.kv?.(store) ?? store;
    const runtime = new FakeRuntime();
    const running = await startControl({
      ...ALONE,
      instance: instanceId('here'),
      location: 'here',
      zone: '',
      labels: new Set(),
      defaultEndpointOwner: '',
      cache: { ...DEFAULT_CACHE_CONFIG, copiesMax: 64, ...options.cache },
      clock,
      scope,
      kv,
      layout: LAYOUT,
      runtime,
      counters: memory,
      link: link.control,
      metrics: { cacheMetric: () => {} },
      ...optionsOf(options),
    });
    const counters = new SlotCounters(memory);
    return new ControlRig({ clock, counters, running, kv, link, scope, failures, runtime });
  }

  /** As {@link start}, and the runtime is up. */
  static async ready(options: ControlRigOptions = {}): Promise<ControlRig> {
    const rig = await ControlRig.start(options);
    rig.runtime.comesUp();
    await rig.settle();
    return rig;
  }

  /** Lets everything that is under way at this instant come to its end. */
  async settle(): Promise<void> {
    for (let turn = 0; turn < 8; turn++) {
      await new Promise((resolve) => setImmediate(resolve));
      this.clock.advance(0);
    }
  }

  /** Lets `ms` pass, and what it sets off. */
  async after(ms: number): Promise<void> {
    this.clock.advance(ms);
    await this.settle();
  }

  /** Registers a model that nobody wants yet. */
  register(modelId: string, path = 'p'): Promise<ModelStatus> {
    const info = { type: 'onnx', path, encKey: '{}' };
    return this.running.control.registerModel(
      { modelId, info, loadNow: false, sync: false, lastUsedMs: epochMs(0) },
      new AbortController().signal,
    );
  }

  /** Loads a model and waits for what comes of it. */
  ensure(modelId: string, sync = true, signal: AbortSignal = new AbortController().signal): Promise<ModelStatus> {
    return this.running.control.ensureLoaded(modelId, epochMs(0), sync, signal);
  }

  /** The data plane wants the model. */
  locate(model: string, ask: LocateAsk = { kind: 'anywhere' }): void {
    const key = this.running.control.model(model)?.record.key;
    if (key === undefined) throw new Error(`${model} is not registered`);
    this.#requests += 1;
    const lastUsedMs = this.clock.wallMs();
    this.#link.dataPlane.send({ kind: 'locate', request: this.#requests, model: key, lastUsedMs, ask, exclude: [] });
  }

  /** The data plane tells how a call went that failed or was repeated. */
  callEnded(record: CallRecord): void {
    this.#link.dataPlane.send({ kind: 'call-ended', record });
  }

  /** What this node decided, its data plane included. */
  async explain(query: DecisionQuery): Promise<readonly DecisionRecord[]> {
    const answer = this.running.control.explain(query, new AbortController().signal);
    await this.settle();
    return answer;
  }

  /** Answers to `locate` so far. */
  located(model: string): Located[] {
    return this.told.flatMap((message) => (message.kind === 'located' && message.model === model ? [message.outcome] : []));
  }

  /** The slot that the data plane was last told to use for the model. */
  slotOf(model: string): SlotRef | null {
    for (const message of this.told.toReversed()) {
      const parts = message.kind === 'route-delta' ? message.put : message.kind === 'route-snapshot' ? message.parts : undefined;
      const route = parts?.models.find(({ key }) => key === model);
      if (route !== undefined) return route.local;
    }
    return null;
  }

  status(model: string): string | undefined {
    return this.running.control.model(model)?.status.status;
  }

  /** Another instance claims a copy: the record says so, as if that instance had written it. */
  async copyElsewhere(model: string, instance: string): Promise<void> {
    const record = this.running.control.model(model)?.record;
    if (record === undefined) throw new Error(`${model} is not registered`);
    const value = encodeRecord(withCopyClaimed(record, instanceId(instance), this.clock.wallMs()));
    const key = recordKeyText(LAYOUT, modelRecordKey(record.key));
    await this.kv.txn({ conditions: [], operations: [{ kind: 'put', key, value }] });
    await this.settle();
  }

  /** Instances that the record names as holders of a copy. */
  holders(model: string): readonly string[] {
    return [...(this.running.control.model(model)?.record.copies.keys() ?? [])];
  }

  saw(kind: string): NodeEvent[] {
    return this.events.filter((event) => event.kind === kind);
  }

  #hear(message: ToDataPlane): void {
    this.told.push(message);
    if (message.kind !== 'explain') return;
    const { request, query, limit } = message;
    const choices = this.choices(query, limit);
    if (choices !== undefined) this.#link.dataPlane.send({ kind: 'explained', request, choices });
  }

  /** Ends control and checks that no loop of it failed. */
  async close(): Promise<void> {
    await this.running.close();
    await this.#scope.close();
    await this.kv.close();
    if (this.failures.length > 0) throw this.failures[0];
  }
}

/** What control is given of the options; those that are absent stay so. */
function optionsOf({ isLeader, ensureCopies, readOnly, onParameters }: ControlRigOptions): Partial<ControlSetup> {
  return {
    ...(isLeader === undefined ? {} : { isLeader }),
    ...(ensureCopies === undefined ? {} : { ensureCopies }),
    ...(readOnly === undefined ? {} : { readOnly }),
    ...(onParameters === undefined ? {} : { onParameters }),
  };
}

/** Longer than anything that follows a load or an unload at the spec's times takes. */
export const A_WHILE_MS = durationMs(5000);
