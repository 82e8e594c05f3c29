import { type ClusterInstance, type ClusterView, compareDesirability } from '../cluster/index.ts';
import { type InstanceId, type SizeUnits, sizeUnits } from '../units.ts';
import type { Candidate, Rejection } from './decision.ts';
import { prohibition } from './filters.ts';
import type { PlacementRequest, PlacementSituation } from './request.ts';

/** Who could take the copy, most wanted first, and who may not. */
export interface Admitted {
  readonly candidates: readonly Candidate[];
  readonly rejections: Rejection[];
}

/** Asks every known instance, once. */
export function admit(request: PlacementRequest, situation: PlacementSituation): Admitted {
  const { cluster, nowMs } = situation;
  const ordered = cluster.ordered(nowMs);
  const rejections: Rejection[] = [];
  const admitted: ClusterInstance[] = [];
  for (const instance of ordered) {
    const reason = prohibition(instance, request, situation);
    if (reason === null) admitted.push(instance);
    else rejections.push({ id: instance.id, reason });
  }
  const reserved = reserve(admitted, situation);
  const copies = copiesAround(cluster, request);
  const prefers = preferenceOf(request.type, ordered, cluster);
  const candidates = reserved.instances.map((instance, rank): Candidate => {
    const { zone, location } = instance.record;
    return {
      id: instance.id,
      rank,
      instance,
      reservedUnits: reserved.unitsOf(instance.id),
      preferred: prefers(instance),
      zoneCopies: copies.zones.get(zone) ?? 0,
      locationCopies: copies.locations.get(locationKey(zone, location)) ?? 0,
    };
  });
  return { candidates, rejections };
}

/** The instances as they will be once their records show what this node asked of them. */
function reserve(admitted: readonly ClusterInstance[], { cluster, reservations, nowMs }: PlacementSituation) {
  const units = new Map<InstanceId, SizeUnits>();
  if (reservations.size === 0) return { instances: admitted, unitsOf: noneReserved };
  const instances = admitted.map((instance) => {
    const expected = reservations.expected(instance.record, nowMs);
    if (expected.loads === 0) return instance;
    units.set(instance.id, expected.units);
    return cluster.assuming(instance, expected);
  });
  if (units.size > 0) instances.sort(compareDesirability);
  return { instances, unitsOf: (id: InstanceId) => units.get(id) ?? NO_UNITS };
}

const NO_UNITS = sizeUnits(0);
const noneReserved = () => NO_UNITS;

const locationKey = (zone: string, location: string): string => `${zone}\0${location}`;

/** Copies of the model per zone and location. One that is about to leave protects nothing. */
function copiesAround(cluster: ClusterView, { copies }: PlacementRequest) {
  const [zones, locations] = [new Map<string, number>(), new Map<string, number>()];
  for (const id of copies.keys()) {
    const holder = cluster.get(id);
    if (holder === undefined || holder.standing === 'leaving') continue;
    const { zone, location } = holder.record;
    const key = locationKey(zone, location);
    zones.set(zone, (zones.get(zone) ?? 0) + 1);
    locations.set(key, (locations.get(key) ?? 0) + 1);
  }
  return { zones, locations };
}

const nobody = (): boolean => false;

/**
 * Whom a type prefers (spec §6.1): those with a label that it names; where it names none, those that the others would miss least, so that
 * models without needs stay off the few instances that others need. Nobody, where all are alike.
 */
function preferenceOf(
  type: string,
  ordered: readonly ClusterInstance[],
  { constraints }: ClusterView,
): (instance: ClusterInstance) => boolean {
  if (constraints.rules.size === 0) return nobody;
  if (constraints.wanted(type).size > 0) return ({ record }) => constraints.preferred(type, record.labels);
  let [least, most] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (const { standing, labels, record } of ordered) {
    if (standing !== 'candidate' || !constraints.allowed(type, record.labels)) continue;
    least = Math.min(least, labels.generality);
    most = Math.max(most, labels.generality);
  }
  return least < most ? ({ labels }) => labels.generality === most : nobody;
}
