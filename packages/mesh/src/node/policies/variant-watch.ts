import { type Clock, DEFAULT_NAMESPACE, type DurationMs, type EndpointId, type ModelKey } from '@modelmesh/core';
import { lackingAbilities, type PolicyAbilities, percentText } from '@modelmesh/core/endpoints';
import type { EndpointPolicy, ModelRecord } from '@modelmesh/core/records';
import { MAIN_SPLIT, SLOTS, slotCounts } from '@modelmesh/core/traffic';
import { type Dirty, failingUntilMs, type RegistryView } from '@modelmesh/core/view';
import type { Events } from '../events.ts';

/** What is looked at, and where it is said. */
export interface VariantWatchParts {
  readonly clock: Clock;
  readonly view: RegistryView;
  readonly events: Events;
  readonly failureExpiryMs: DurationMs;
  /** `null`: nothing is known to be missing. */
  readonly abilities: PolicyAbilities | null;
}

/**
 * Says when a variant of an endpoint cannot be loaded, and who has its calls meanwhile; and when it can again. And when a policy in force asks for a
 * plug-in or keys that this node lacks, as one may that was applied elsewhere or before a restart.
 */
export class VariantWatch {
  readonly #parts: VariantWatchParts;
  /** Variants that were said to be out, by endpoint. */
  readonly #out = new Map<EndpointId, Map<string, ModelKey>>();
  /** The policy for which it was said what this node lacks, by endpoint. */
  readonly #lacking = new Map<EndpointId, EndpointPolicy>();

  constructor(parts: VariantWatchParts) {
    this.#parts = parts;
  }

  /** The registry changed: looks at the endpoints that it concerns. */
  changed(dirty: Dirty): void {
    const { view } = this.#parts;
    const endpoints = new Set<EndpointId>();
    for (const { namespace, name } of dirty.endpoints) if (namespace === DEFAULT_NAMESPACE) endpoints.add(name);
    for (const { namespace, name } of dirty.models)
      if (namespace === DEFAULT_NAMESPACE) for (const id of view.referentsOf(namespace, name)) endpoints.add(id);
    for (const id of endpoints) this.#look(id);
  }

  /** What failed loads said of the variants of a policy that cannot be loaded, by their names. */
  failing(policy: EndpointPolicy): ReadonlyMap<string, string> {
    const failing = new Map<string, string>();
    for (const { name, model } of policy.variants) {
      const said = this.#failure(model);
      if (said !== undefined) failing.set(name, said);
    }
    return failing;
  }

  #look(id: EndpointId): void {
    const applied = this.#parts.view.policy(DEFAULT_NAMESPACE, id)?.record;
    const before = this.#out.get(id);
    if (applied === undefined) {
      this.#out.delete(id);
      this.#lacking.delete(id);
      return;
    }
    const { policy, slots } = applied;
    this.#sayWhatLacks(id, policy);
    const failing = this.failing(policy);
    if (failing.size === 0 && before === undefined) return;
    const models = new Map(policy.variants.map(({ name, model }) => [name, model]));
    const now = new Map([...failing.keys()].map((name) => [name, models.get(name) as ModelKey]));
    const counts = slotCounts(slots.get(MAIN_SPLIT) ?? []);
    for (const [name, said] of failing) {
      const model = models.get(name) as ModelKey;
      if (before?.get(name) === model) continue;
      const share = percentText(((counts.get(name) ?? 0) / SLOTS) * 100);
      const message = `endpoint ${id}: variant ${name} cannot be loaded, ${share} of the calls go to ${takersOf(policy, name, failing)}: ${said}`;
      this.#parts.events.emit({ kind: 'variant-not-loaded', endpoint: id, model, message });
    }
    for (const [name, model] of before ?? []) {
      if (now.has(name)) continue;
      const message = `endpoint ${id}: variant ${name} can be loaded again, or is another one now`;
      this.#parts.events.emit({ kind: 'variant-back', endpoint: id, model, message });
    }
    if (now.size === 0) this.#out.delete(id);
    else this.#out.set(id, now);
  }

  #sayWhatLacks(id: EndpointId, policy: EndpointPolicy): void {
    const { abilities, events } = this.#parts;
    const lacking = abilities === null ? [] : lackingAbilities(policy, abilities);
    if (lacking.length === 0) this.#lacking.delete(id);
    else if (this.#lacking.get(id) !== policy) {
      this.#lacking.set(id, policy);
      const message = `endpoint ${id}: this node does without what its policy asks for: ${lacking.join('; ')}`;
      events.emit({ kind: 'policy-beyond-node', endpoint: id, message });
    }
  }

  #failure(model: ModelKey): string | undefined {
    const { view, clock, failureExpiryMs } = this.#parts;
    const record = view.model(DEFAULT_NAMESPACE, model)?.record;
    if (record === undefined) return 'the model is not registered';
    if (record.failures.size === 0) return undefined;
    return failingUntilMs(record, clock.wallMs(), failureExpiryMs) === null ? undefined : newestFailure(record);
  }
}

const newestFailure = ({ failures }: ModelRecord): string =>
  [...failures.values()].toSorted((a, b) => b.atMs - a.atMs)[0]?.message ?? '';

/** Who has the calls of a variant that cannot be loaded, in words. */
function takersOf(policy: EndpointPolicy, name: string, failing: ReadonlyMap<string, string>): string {
  const { fallback, variants } = policy;
  if (fallback !== null && fallback.to !== name && !failing.has(fallback.to)) return fallback.to;
  const others = variants.filter((one) => one.weight > 0 && one.name !== name && !failing.has(one.name));
  return others.length === 0 ? 'nobody, and fail' : others.map((one) => one.name).join(', ');
}
