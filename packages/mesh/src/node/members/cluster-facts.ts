import type { Clock, EpochMs, InstanceId } from '@modelmesh/core';
import type { ClusterFacts, LoadTimes, TypeFacts } from '@modelmesh/core/scaling';
import type { Members } from './members.ts';

/** The cluster as one step of scaling sees it: read at one instant, each type once. */
export class StepFacts implements ClusterFacts {
  readonly self: InstanceId;
  readonly #members: Members;
  readonly #loadTimes: LoadTimes;
  readonly #nowMs: EpochMs;
  readonly #types = new Map<string, TypeFacts>();

  constructor(parts: {
    readonly self: InstanceId;
    readonly members: Members;
    readonly loadTimes: () => LoadTimes;
    readonly clock: Clock;
  }) {
    this.self = parts.self;
    this.#members = parts.members;
    this.#loadTimes = parts.loadTimes();
    this.#nowMs = parts.clock.wallMs();
    parts.members.refreshOwn();
  }

  isLive(instance: InstanceId): boolean {
    return instance === this.self || this.#members.cluster.get(instance)?.standing === 'candidate';
  }

  isBefore(a: InstanceId, b: InstanceId): boolean {
    return this.#members.cluster.isBefore(a, b, this.#nowMs);
  }

  factsFor(type: string): TypeFacts {
    const known = this.#types.get(type);
    if (known !== undefined) return known;
    const { cluster } = this.#members;
    const suitable = new Map<InstanceId, number>();
    for (const { id, standing, record } of cluster.ordered(this.#nowMs)) {
      if (standing !== 'candidate' || !cluster.constraints.allowed(type, record.labels)) continue;
      suitable.set(id, record.requestsPerMinute);
    }
    const fullness = cluster.statsFor(type);
    const facts = { suitable, fullness, assumeLoadedAfterMs: this.#loadTimes.assumeLoadedAfterMs(type) };
    this.#types.set(type, facts);
    return facts;
  }
}
