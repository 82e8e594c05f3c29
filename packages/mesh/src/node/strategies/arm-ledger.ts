import { DEFAULT_NAMESPACE, type EndpointId } from '@modelmesh/core';
import { type ArmFigures, type EndpointFigures, FIGURES_ENDPOINTS_MAX, type PolicyRecord } from '@modelmesh/core/records';
import { sumArms } from '@modelmesh/core/traffic';
import type { RegistryView } from '@modelmesh/core/view';
import type { ArmCount } from '../../link/index.ts';
import type { ReachedLimits } from '../reached-limits.ts';

/** What the workers of this node have counted for strategies, each endpoint under the policy in force alone. */
export class ArmLedger {
  readonly #view: RegistryView;
  readonly #limits: ReachedLimits;
  readonly #endpoints = new Map<EndpointId, { readonly policy: PolicyRecord; arms: readonly ArmFigures[] }>();

  constructor(view: RegistryView, limits: ReachedLimits) {
    this.#view = view;
    this.#limits = limits;
  }

  /** Workers counted more. What belongs to another policy than the one in force is of no use to anyone. */
  add(counts: readonly ArmCount[]): void {
    for (const { id, revision, ...arm } of counts) {
      const policy = this.#policyOf(id);
      if (policy?.revision !== revision) continue;
      const known = this.#endpoints.get(id);
      if (known !== undefined && isSame(known.policy, policy)) known.arms = sumArms([known.arms, [arm]]);
      else if (known !== undefined || this.#endpoints.size < FIGURES_ENDPOINTS_MAX)
        this.#endpoints.set(id, { policy, arms: [arm] });
      else this.#limits.add('strategy-figures');
    }
  }

  /** What is to be published. */
  figures(): readonly EndpointFigures[] {
    for (const [id, { policy }] of this.#endpoints) if (!isSame(policy, this.#policyOf(id))) this.#endpoints.delete(id);
    return [...this.#endpoints].map(([id, { policy, arms }]) => {
      const { revision, createdAtMs: policyAtMs } = policy;
      return { namespace: DEFAULT_NAMESPACE, id, revision, policyAtMs, arms };
    });
  }

  #policyOf(id: EndpointId): PolicyRecord | undefined {
    return this.#view.policy(DEFAULT_NAMESPACE, id)?.record;
  }
}

/** The revisions of an endpoint that was deleted and made anew begin anew too. */
const isSame = (one: PolicyRecord, other: PolicyRecord | undefined): boolean =>
  one.revision === other?.revision && one.createdAtMs === other.createdAtMs;
