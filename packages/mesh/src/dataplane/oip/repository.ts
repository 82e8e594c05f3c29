import type { Clock, DurationMs, ModelKey } from '@modelmesh/core';
import type { ModelReadiness } from '@modelmesh/core/registration';
import type { RepositoryEntry } from '@modelmesh/wire/oip';

import { type Control, loadModel, type ModelDetail } from '../../node/index.ts';
import { repositoryEntries } from './repository-index.ts';
import { readinessOf } from './resolve-name.ts';

/** The node's models as the repository calls of the Open Inference Protocol see them, for REST and gRPC alike. */
export class ControlRepository {
  readonly #control: Control;
  readonly #clock: Clock;
  readonly #loadFailureExpiryMs: DurationMs;

  constructor(control: Control, clock: Clock, loadFailureExpiryMs: DurationMs) {
    this.#control = control;
    this.#clock = clock;
    this.#loadFailureExpiryMs = loadFailureExpiryMs;
  }

  get ready(): boolean {
    return this.#control.ready;
  }

  /** Every model, as the index lists it. */
  entries(): readonly RepositoryEntry[] {
    return repositoryEntries(this.#control, (detail) => this.#readinessOf(detail));
  }

  /** `undefined` for a model that is not registered. */
  readiness(model: ModelKey): ModelReadiness | undefined {
    const detail = this.#control.model(model);
    return detail === null ? undefined : this.#readinessOf(detail);
  }

  /** Loads a model and waits. @throws {MeshError} with the runtime's reason */
  load(model: ModelKey, signal: AbortSignal): Promise<void> {
    return loadModel(this.#control, model, signal);
  }

  /** Drops the copies and keeps the registration. */
  unload(model: ModelKey): Promise<void> {
    return this.#control.unloadCopies(model);
  }

  #readinessOf(detail: ModelDetail): ModelReadiness {
    return readinessOf(detail, this.#clock.wallMs(), this.#loadFailureExpiryMs);
  }
}
