import {
  type Clock,
  DEFAULT_NAMESPACE,
  type DurationMs,
  type EndpointId,
  type EpochMs,
  MeshError,
  type ModelKey,
} from '@modelmesh/core';
import { nextTransitionStep, type TargetEvidence, TRANSITION_WAIT_MAX_MS, type TransitionStep } from '@modelmesh/core/endpoints';
import type { Scope } from '@modelmesh/core/scope';
import type { Dirty, RegistryView } from '@modelmesh/core/view';
import type { RegistryMirror } from './registry-mirror.ts';

/** Loads a target and says what came of it; resolves within the time limit. */
export type EnsureTarget = (model: ModelKey, lastUsedMs: EpochMs, timeoutMs: DurationMs) => Promise<TargetEvidence>;

/**
 * Drives endpoints from their active model to their target: loads the target, switches, or says that it failed. One driver per endpoint; a
 * change of a record that a driver waits for wakes it.
 */
export class Transitions {
  readonly #mirror: RegistryMirror;
  readonly #scope: Scope;
  readonly #clock: Clock;
  readonly #ensure: EnsureTarget;
  readonly #driving = new Set<EndpointId>();
  readonly #again = new Set<EndpointId>();
  readonly #watchers = new Map<EndpointId, Set<() => void>>();

  constructor(mirror: RegistryMirror, scope: Scope, clock: Clock, ensure: EnsureTarget) {
    this.#mirror = mirror;
    this.#scope = scope;
    this.#clock = clock;
    this.#ensure = ensure;
  }

  /** The registry changed: endpoints in transition that it concerns are looked at again. */
  dirty(dirty: Dirty): void {
    const { view } = this.#mirror;
    const endpoints = new Set(dirty.endpoints.flatMap(({ namespace, name }) => (namespace === DEFAULT_NAMESPACE ? [name] : [])));
    for (const { namespace, name } of dirty.models) {
      if (namespace === DEFAULT_NAMESPACE) for (const id of view.referentsOf(namespace, name)) endpoints.add(id);
    }
    for (const id of endpoints) {
      this.#tellWatchers(id);
      if (inTransition(view, id)) this.#drive(id);
    }
  }

  /** Waits until `id` answers with `target`, its transition failed, or another target was set (spec `modelmesh.md` §5.2). */
  async settled(id: EndpointId, target: ModelKey, signal: AbortSignal): Promise<void> {
    const record = () => this.#mirror.view.endpoint(DEFAULT_NAMESPACE, id)?.record;
    const isOpen = (): boolean => {
      const current = record();
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
      const timer = this.#clock.after(TRANSITION_WAIT_MAX_MS, () =>
        done(
          new MeshError('deadline-exceeded', `vmodel ${id} did not reach ${target} within ${TRANSITION_WAIT_MAX_MS / 1000} s`),
        ),
      );
      watchers.add(look);
      signal.addEventListener('abort', aborted, { once: true });
    });
  }

  #tellWatchers(id: EndpointId): void {
    for (const look of [...(this.#watchers.get(id) ?? [])]) look();
  }

  #drive(id: EndpointId): void {
    if (this.#driving.has(id)) {
      this.#again.add(id);
      return;
    }
    this.#driving.add(id);
    this.#scope.spawn(`transition of ${id}`, async () => {
      try {
        await this.#run(id);
      } finally {
        this.#driving.delete(id);
        if (this.#again.delete(id) && inTransition(this.#mirror.view, id)) this.#drive(id);
      }
    });
  }

  async #run(id: EndpointId): Promise<void> {
    let evidence: TargetEvidence | undefined;
    for (;;) {
      const step: TransitionStep = nextTransitionStep(this.#mirror.view, DEFAULT_NAMESPACE, id, evidence);
      switch (step.kind) {
        case 'settled':
        case 'wait':
          return;
        case 'ensure-target':
          evidence = await this.#ensure(step.model, step.lastUsedMs, step.timeoutMs);
          // A node that ends proves nothing about the target; the next life, or another node, goes on.
          if (this.#scope.signal.aborted) return;
          break;
        case 'switch':
        case 'mark-failed':
          await this.#write(id, evidence, step.kind);
          return;
      }
    }
  }

  /** Decides anew on the records of the moment, so that a change in between is respected. */
  async #write(id: EndpointId, evidence: TargetEvidence | undefined, kind: 'switch' | 'mark-failed'): Promise<void> {
    await this.#mirror.change(() => {
      const step = nextTransitionStep(this.#mirror.view, DEFAULT_NAMESPACE, id, evidence);
      return { writes: step.kind === kind ? step.writes : [], result: undefined };
    });
  }
}

function inTransition(view: RegistryView, id: EndpointId): boolean {
  const record = view.endpoint(DEFAULT_NAMESPACE, id)?.record;
  return record !== undefined && record.active !== record.target;
}
