import { MeshError } from '@modelmesh/core';
import { HealthCheckResponse_ServingStatus } from '@modelmesh/wire/grpc-services';

/** The health of a server or of one of its services. */
export type Health = 'serving' | 'not-serving';

const STATUS = {
  serving: HealthCheckResponse_ServingStatus.SERVING,
  'not-serving': HealthCheckResponse_ServingStatus.NOT_SERVING,
} as const satisfies Record<Health, HealthCheckResponse_ServingStatus>;

/** Services that a board keeps and `List` answers with. */
export const HEALTH_SERVICES_MAX = 100;
/** Watches that may be open at once. */
export const HEALTH_WATCHES_MAX = 1000;

/** What a server says about its health. The empty service name is the server as a whole. */
export class HealthBoard {
  readonly #statuses = new Map<string, Health>();
  readonly #watchers = new Set<() => void>();
  #closed = false;

  /** @throws {MeshError} `overloaded` beyond {@link HEALTH_SERVICES_MAX} services. */
  set(service: string, health: Health): void {
    if (!this.#statuses.has(service) && this.#statuses.size >= HEALTH_SERVICES_MAX) {
      throw new MeshError('overloaded', `the health of at most ${HEALTH_SERVICES_MAX} services is kept (HEALTH_SERVICES_MAX)`);
    }
    if (this.#closed || this.#statuses.get(service) === health) return;
    this.#statuses.set(service, health);
    for (const changed of this.#watchers) changed();
  }

  /** The server ends: every known service is not serving from now on, which watchers are told before their watches end. */
  close(): void {
    for (const service of this.#statuses.keys()) this.#statuses.set(service, 'not-serving');
    this.#closed = true;
    for (const changed of this.#watchers) changed();
  }

  /** The status on the wire; `undefined` for a service that is not known. */
  statusOf(service: string): HealthCheckResponse_ServingStatus | undefined {
    const health = this.#statuses.get(service);
    return health === undefined ? undefined : STATUS[health];
  }

  /** Every known service with its status. */
  all(): Record<string, { status: HealthCheckResponse_ServingStatus }> {
    return Object.fromEntries([...this.#statuses].map(([service, health]) => [service, { status: STATUS[health] }]));
  }

  /**
   * The present status of a service and then each change that its reader is in time for: a slow reader sees the latest, not all.
   * Ends by the signal's reason. @throws {MeshError} `overloaded` beyond {@link HEALTH_WATCHES_MAX}, `unavailable` once the board is closed.
   */
  async *watch(service: string, signal: AbortSignal): AsyncGenerator<HealthCheckResponse_ServingStatus> {
    if (this.#watchers.size >= HEALTH_WATCHES_MAX) {
      throw new MeshError('overloaded', `at most ${HEALTH_WATCHES_MAX} health watches may be open (HEALTH_WATCHES_MAX)`);
    }
    let wake: () => void = () => undefined;
    const changed = (): void => wake();
    this.#watchers.add(changed);
    signal.addEventListener('abort', changed, { once: true });
    try {
      let told: HealthCheckResponse_ServingStatus | undefined;
      while (!signal.aborted) {
        const now = this.statusOf(service) ?? HealthCheckResponse_ServingStatus.SERVICE_UNKNOWN;
        if (now !== told) {
          told = now;
          yield now;
          continue;
        }
        if (this.#closed) throw new MeshError('unavailable', 'the server is shutting down');
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
      throw signal.reason;
    } finally {
      this.#watchers.delete(changed);
      signal.removeEventListener('abort', changed);
    }
  }
}
