import { type Clock, type DurationMs, durationMs } from '@modelmesh/core';
import { countsCalls, worthOf } from '@modelmesh/core/traffic';
import type { ArmCount, ChosenEndpoint, DataPlaneEnd, EndpointRoute } from '../../link/index.ts';
import type { RouteTable } from '../routes/index.ts';

/** How long what was counted waits before control is told: strategies look at it every few seconds. */
export const TELL_AFTER_MS: DurationMs = durationMs(1000);

/** What is counted for one endpoint, under one policy. */
interface Counting {
  readonly rule: ReturnType<typeof countsCalls>;
  readonly arms: Map<string, { calls: number; rewards: number }>;
}

/** Counts what came of the calls of each variant, for endpoints whose strategy asks, and tells control now and then. */
export class ArmCounts {
  readonly #link: DataPlaneEnd;
  readonly #routes: RouteTable;
  readonly #clock: Clock;
  /** By the route, which is replaced with every change of the policy. */
  readonly #known = new WeakMap<EndpointRoute, Counting>();
  readonly #dirty = new Map<EndpointRoute, Counting>();

  constructor(link: DataPlaneEnd, routes: RouteTable, clock: Clock) {
    this.#link = link;
    this.#routes = routes;
    this.#clock = clock;
  }

  /** A call that entered the mesh here has ended. One that was chosen for under another policy says nothing of this one. */
  ended({ id, revision, variant }: ChosenEndpoint, code: number, tookMs: DurationMs): void {
    const route = this.#routes.endpoint(id);
    if (route === undefined || route.policy === null || route.revision !== revision) return;
    const counting = this.#known.get(route) ?? this.#count(route, route.policy.policy.strategy);
    if (counting.rule === null) return;
    const worth = worthOf(code, tookMs, counting.rule);
    if (worth === 'none') return;
    let arm = counting.arms.get(variant);
    if (arm === undefined) {
      arm = { calls: 0, rewards: 0 };
      counting.arms.set(variant, arm);
    }
    arm.calls += 1;
    if (worth === 'reward') arm.rewards += 1;
    if (this.#dirty.size === 0) this.#clock.after(TELL_AFTER_MS, () => this.#tell());
    this.#dirty.set(route, counting);
  }

  #count(route: EndpointRoute, strategy: Parameters<typeof countsCalls>[0]): Counting {
    const counting = { rule: countsCalls(strategy), arms: new Map() };
    this.#known.set(route, counting);
    return counting;
  }

  #tell(): void {
    const counts: ArmCount[] = [];
    for (const [{ id, revision }, { arms }] of this.#dirty) {
      for (const [variant, { calls, rewards }] of arms) counts.push({ id, revision, variant, calls, rewards });
      arms.clear();
    }
    this.#dirty.clear();
    this.#link.send({ kind: 'arms', counts });
  }
}
