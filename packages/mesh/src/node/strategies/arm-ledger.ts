import { DEFAULT_NAMESPACE, type EndpointId } from '@modelmesh/core';
import { type ArmFigures, type EndpointFigures, FIGURES_ENDPOINTS_MAX } from '@modelmesh/core/records';
import { sumArms } from '@modelmesh/core/traffic';
import type { RegistryView } from '@modelmesh/core/view';
import type { ArmCount } from '../../link/index.ts';
import type { ReachedLimits } from '../reached-limits.ts';

/** What the workers of this node have counted for strategies, each endpoint under the policy in force alone. */
export class ArmLedger {
  readonly #view: RegistryView;
  readonly #limits: ReachedLimits;
  readonly #endpoints = new Map<EndpointId, { readonly revision: number; arms: readonly ArmFigures[] }>();

  constructor(view: RegistryView, limits: ReachedLimits) {
    this.#view = view;
    this.#limits = limits;
  }

  /** Workers counted more. What belongs to another policy than the one in force is of no use to anyone. */
  add(counts: readonly ArmCount[]): void {
    for (const { id, revision, ...arm } of counts) {
      if (this.#revisionOf(id) !== revision) continue;
      const known = this.#endpoints.get(id);
      if (known?.revision === revision) known.arms = sumArms([known.arms, [arm]]);
      else if (known !== undefined || this.#endpoints.size < FIGURES_ENDPOINTS_MAX)
        this.#endpoints.set(id, { revision, arms: [arm] });
      else this.#limits.add('strategy-figures');
    }
  }

  /** What is to be published. */
  figures(): readonly EndpointFigures[] {
    for (const [id, { revision }] of this.#endpoints) if (this.#revisionOf(id) !== revision) this.#endpoints.delete(id);
    return [...this.#endpoints].map(([id, { revision, arms }]) => ({ namespace: DEFAULT_NAMESPACE, id, revision, arms }));
  }

  #revisionOf(id: EndpointId): number | undefined {
    return this.#view.policy(DEFAULT_NAMESPACE, id)?.record.revision;
  }
}
