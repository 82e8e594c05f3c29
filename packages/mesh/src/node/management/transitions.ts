import {
  type Clock,
  DEFAULT_NAMESPACE,
  type DurationMs,
  durationMs,
  type EndpointId,
  type EpochMs,
  MeshError,
  type ModelKey,
  sleep,
  type Timer,
  toMeshError,
} from '@modelmesh/core';
import {
  nextTransitionStep,
  type TargetEvidence,
  TRANSITION_WAIT_MAX_MS,
  type TransitionEnv,
  type TransitionStep,
} from '@modelmesh/core/endpoints';
import type { EndpointRecord } from '@modelmesh/core/records';
import type { Scope } from '@modelmesh/core/scope';
import type { Dirty } from '@modelmesh/core/view';
import type { RegistryMirror } from '../registry/index.ts';

/** What a target is loaded for. */
export interface WantedTarget {
  readonly model: ModelKey;
  /** As many copies as these, or as instances allow. */
  readonly copies: number;
  readonly lastUsedMs: EpochMs;
  readonly timeoutMs: DurationMs;
}

/** Loads a target and says what came of it; resolves within the time limit, and at once when `signal` fires. What was begun goes on. */
export type EnsureTarget = (wanted: WantedTarget, signal: AbortSignal) => Promise<TargetEvidence>;

/** Endpoints that are driven at the same time; the others wait for their turn. */
export const TRANSITIONS_DRIVEN_MAX = 64;
/** How often all endpoints in transition are looked at, whether something changed or not: as often as ModelMesh's reaper does (spec §5.3). */
export const TRANSITION_SWEEP_MS: DurationMs = durationMs(420_000);
/** When a transition whose record could not be written is tried again. */
const RETRY_MS = durationMs(5000);

/** What the driver of transitions is made of. */
export interface TransitionParts {
  readonly mirror: RegistryMirror;
  readonly scope: Scope;
  readonly clock: Clock;
  readonly ensure: EnsureTarget;
  /** Whether this node is the one that drives transitions. */
  readonly isLeader: () => boolean;
  readonly failureExpiryMs: DurationMs;
  /** A transition that could not go on for now. */
  readonly onProblem: (id: EndpointId, message: string) => void;
}

/** One endpoint that is being driven. */
interface Driver {
  readonly target: ModelKey;
  readonly controller: AbortController;
  /** Something changed meanwhile: look again afterwards. */
  again: boolean;
}

/**
 * Drives endpoints from their active model to their target: loads the target, switches, or says that it failed. Only the leader does. One driver
 * per endpoint; another target, or none, calls it off, and a change of a record that a transition waits for wakes it.
 */
export class Transitions {
  readonly #parts: TransitionParts;
  readonly #driving = new Map<EndpointId, Driver>();
  /** Those that wait for their turn, longest first. */
  readonly #queued = new Set<EndpointId>();
  readonly #retries = new Map<EndpointId, Timer>();
  readonly #watchers = new Map<EndpointId, Set<() => void>>();

  constructor(parts: TransitionParts) {
    this.#parts = parts;
    const { scope, clock } = parts;
    scope.spawn('look at transitions', async (signal) => {
      for (;;) {
        await sleep(clock, TRANSITION_SWEEP_MS, signal);
        this.#lookAtAll();
      }
    });
    scope.signal.addEventListener('abort', () => this.#stop(), { once: true });
  }

  /** The registry changed: endpoints that it concerns are looked at again. */
  dirty(dirty: Dirty): void {
    const { view } = this.#parts.mirror;
    const endpoints = new Set(dirty.endpoints.flatMap(({ namespace, name }) => (namespace === DEFAULT_NAMESPACE ? [name] : [])));
    for (const { namespace, name } of dirty.models) {
      if (namespace === DEFAULT_NAMESPACE) for (const id of view.referentsOf(namespace, name)) endpoints.add(id);
    }
    for (const id of endpoints) {
      for (const look of [...(this.#watchers.get(id) ?? [])]) look();
      this.#look(id);
    }
  }

  /** This node became the leader, or ceased to be. */
  leaderChanged(): void {
    if (this.#parts.isLeader()) this.#lookAtAll();
    else this.#stop();
  }

  /** Waits until `id` answers with `target`, its transition failed, or another target was set (spec `modelmesh.md` §5.2). */
  async settled(id: EndpointId, target: ModelKey, signal: AbortSignal): Promise<void> {
    const isOpen = (): boolean => {
      const current = this.#record(id);
      return current !== undefined && current.target === target && current.active !== target && !current.failed;
    };
    if (!isOpen()) return;
    await new Promise<void>((resolve, reject) => {
      const watchers = this.#watchers.get(id) ?? new Set();
      this.#watchers.set(id, watchers);
      const done = (error?: unknown): void => {
        watchers.delete(look);
        if (watchers.size === 0 && this.#watchers.get(id) === watchers) this.#watchers.delete(id);
        timer.cancel();
        signal.removeEventListener('abort', aborted);
        if (error === undefined) resolve();
        else reject(error);
      };
      const look = (): void => {
        if (!isOpen()) done();
      };
      const aborted = (): void => done(signal.reason);
      const timer = this.#parts.clock.after(TRANSITION_WAIT_MAX_MS, () => done(notInTime(id, target)));
      watchers.add(look);
      signal.addEventListener('abort', aborted, { once: true });
    });
  }

  #lookAtAll(): void {
    for (const { record } of this.#parts.mirror.view.endpoints(DEFAULT_NAMESPACE)) this.#look(record.id);
  }

  #stop(): void {
    this.#queued.clear();
    for (const timer of this.#retries.values()) timer.cancel();
    this.#retries.clear();
    for (const { controller } of this.#driving.values()) controller.abort();
  }

  #look(id: EndpointId): void {
    const record = this.#record(id);
    const target = record !== undefined && record.active !== record.target ? record.target : undefined;
    const driver = this.#driving.get(id);
    if (driver !== undefined) {
      driver.again = true;
      if (driver.target !== target) driver.controller.abort();
      return;
    }
    this.#retries.get(id)?.cancel();
    this.#retries.delete(id);
    if (target === undefined || !this.#parts.isLeader() || this.#parts.scope.signal.aborted) {
      this.#queued.delete(id);
      return;
    }
    if (this.#driving.size >= TRANSITIONS_DRIVEN_MAX) this.#queued.add(id);
    else this.#drive(id, target);
  }

  #drive(id: EndpointId, target: ModelKey): void {
    const driver: Driver = { target, controller: new AbortController(), again: false };
    this.#driving.set(id, driver);
    this.#queued.delete(id);
    this.#parts.scope.spawn(`transition of ${id}`, async () => {
      try {
        await this.#run(id, driver.controller.signal);
      } catch (error) {
        if (!this.#parts.scope.signal.aborted) this.#tryLater(id, error);
      } finally {
        this.#driving.delete(id);
        if (driver.again) this.#look(id);
        const [next] = this.#queued;
        if (next !== undefined) this.#look(next);
      }
    });
  }

  /** @param superseded fires when the target is not wanted any more, or not by this node */
  async #run(id: EndpointId, superseded: AbortSignal): Promise<void> {
    let evidence: TargetEvidence | undefined;
    for (;;) {
      const step = this.#step(id, evidence);
      switch (step.kind) {
        case 'settled':
          return;
        case 'wait':
          if (step.untilMs !== null) this.#lookAt(id, step.untilMs);
          return;
        case 'ensure-target':
          evidence = await this.#parts.ensure(step, AbortSignal.any([superseded, this.#parts.scope.signal]));
          // A node that ends proves nothing about the target; the next life, or another node, goes on.
          if (this.#parts.scope.signal.aborted || superseded.aborted) return;
          break;
        case 'switch':
        case 'mark-failed':
          await this.#write(id, evidence, step.kind);
          return;
      }
    }
  }

  #step(id: EndpointId, evidence: TargetEvidence | undefined): TransitionStep {
    const { mirror, clock, failureExpiryMs } = this.#parts;
    const env: TransitionEnv = { nowMs: clock.wallMs(), failureExpiryMs };
    return nextTransitionStep(mirror.view, DEFAULT_NAMESPACE, id, evidence, env);
  }

  /** Decides anew on the records of the moment, so that a change in between is respected. */
  async #write(id: EndpointId, evidence: TargetEvidence | undefined, kind: 'switch' | 'mark-failed'): Promise<void> {
    await this.#parts.mirror.change(() => {
      const step = this.#step(id, evidence);
      const writes = step.kind === kind && this.#parts.isLeader() ? step.writes : [];
      return { writes, result: undefined };
    });
  }

  #tryLater(id: EndpointId, error: unknown): void {
    this.#parts.onProblem(id, `the transition of endpoint ${id} could not go on: ${toMeshError(error).message}`);
    this.#retry(id, RETRY_MS);
  }

  /** What is past already was not what the transition waited for: the next change, or the next look at all, wakes it. */
  #lookAt(id: EndpointId, atMs: EpochMs): void {
    const delayMs = atMs - this.#parts.clock.wallMs();
    if (delayMs > 0) this.#retry(id, durationMs(delayMs));
  }

  #retry(id: EndpointId, delayMs: DurationMs): void {
    this.#retries.get(id)?.cancel();
    const timer = this.#parts.clock.after(delayMs, () => {
      this.#retries.delete(id);
      this.#look(id);
    });
    this.#retries.set(id, timer);
  }

  #record(id: EndpointId): EndpointRecord | undefined {
    return this.#parts.mirror.view.endpoint(DEFAULT_NAMESPACE, id)?.record;
  }
}

const notInTime = (id: EndpointId, target: ModelKey): MeshError =>
  new MeshError(
    'deadline-exceeded',
    `vmodel ${id} did not reach ${target} within ${TRANSITION_WAIT_MAX_MS / 1000} s; the transition goes on, getVModelStatus tells how it stands`,
  );
