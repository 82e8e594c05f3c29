import type { ClusterInstance, ClusterView } from '../cluster/index.ts';
import type { Candidate, Rejection } from './decision.ts';
import { hasAddress, prohibitions } from './filters.ts';
import type { PlacementRequest, PlacementSituation } from './request.ts';

/** Who could take the copy, most wanted first, and who may not. */
export interface Admitted {
  readonly candidates: readonly Candidate[];
  readonly rejections: Rejection[];
}

/** Asks every known instance, once. */
export function admit(request: PlacementRequest, situation: PlacementSituation): Admitted {
  const { cluster, nowMs, reservations } = situation;
  const ordered = reservations.ordered(cluster, nowMs);
  const prohibits = prohibitions(request, situation);
  const rejections: Rejection[] = [];
  const admitted: ClusterInstance[] = [];
  for (const instance of ordered) {
    const reason = prohibits(instance);
    if (reason === null) admitted.push(instance);
    else rejections.push({ id: instance.id, reason });
  }
  const zones = copiesByZone(cluster, request);
  const prefers = preferenceOf(request.type, ordered, situation);
  const candidates = admitted.map((instance, rank): Candidate => {
    const { zone, location } = instance.record;
    const around = zones?.get(zone);
    return {
      id: instance.id,
      rank,
      instance,
      reservedUnits: instance.assumedUnits,
      preferred: prefers(instance),
      zoneCopies: around?.copies ?? 0,
      locationCopies: around?.locations.get(location) ?? 0,
    };
  });
  return { candidates, rejections };
}

interface ZoneCopies {
  copies: number;
  readonly locations: Map<string, number>;
}

/** Copies of the model per zone and location; `null` if there is none. One that is about to leave protects nothing. */
function copiesByZone(cluster: ClusterView, { copies }: PlacementRequest): ReadonlyMap<string, ZoneCopies> | null {
  if (copies.size === 0) return null;
  const zones = new Map<string, ZoneCopies>();
  for (const id of copies.keys()) {
    const holder = cluster.get(id);
    if (holder === undefined || holder.standing === 'leaving') continue;
    const { zone, location } = holder.record;
    const around = zones.get(zone) ?? { copies: 0, locations: new Map<string, number>() };
    around.copies += 1;
    around.locations.set(location, (around.locations.get(location) ?? 0) + 1);
    zones.set(zone, around);
  }
  return zones;
}

const nobody = (): boolean => false;

/**
 * Whom a type prefers (spec §6.1): those with a label that it names; where it names none, those that the others would miss least, so that
 * models without needs stay off the few instances that others need. Nobody, where all are alike.
 */
function preferenceOf(
  type: string,
  ordered: readonly ClusterInstance[],
  { cluster: { constraints }, self }: PlacementSituation,
): (instance: ClusterInstance) => boolean {
  if (constraints.rules.size === 0) return nobody;
  const rule = constraints.ruleOf(type);
  if (rule !== null && constraints.wanted(type).size > 0) return ({ labels }) => labels.preferredBy.has(rule);
  let [least, most] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (const instance of ordered) {
    if (instance.standing !== 'candidate' || !hasAddress(instance, self)) continue;
    if (rule !== null && instance.labels.prohibited.includes(rule)) continue;
    least = Math.min(least, instance.labels.generality);
    most = Math.max(most, instance.labels.generality);
  }
  return least < most ? ({ labels }) => labels.generality === most : nobody;
}
