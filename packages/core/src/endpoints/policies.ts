import {
  ABSENT,
  deleteOf,
  type EndpointPolicy,
  type EndpointRecord,
  endpointRecordKey,
  historyKeyOf,
  newPolicyRecord,
  POLICY_HISTORY_MAX,
  type PolicyRecord,
  type PolicyRevision,
  policyRecordKey,
  policyRevisionKey,
  putOf,
  type RegistryWrite,
  type SlotAssignment,
  type Versioned,
  type WeightsRecord,
  weightsRecordKey,
} from '../records/index.ts';
import { assignSlots, MAIN_SPLIT } from '../traffic/index.ts';
import type { EpochMs, ModelKey } from '../units.ts';

/** Whether two policies say the same. */
export const samePolicy = (a: EndpointPolicy, b: EndpointPolicy): boolean => sameData(a, b);

/** Whether two values of plain data are alike all the way down. */
export function sameData(a: unknown, b: unknown): boolean {
  if (Object.is(a, b)) return true;
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false;
  if (Array.isArray(a) !== Array.isArray(b)) return false;
  const [ours, theirs] = [Object.entries(a), new Map(Object.entries(b))];
  return ours.length === theirs.size && ours.every(([name, value]) => theirs.has(name) && sameData(value, theirs.get(name)));
}

/** The model of the variant that answers where nothing else decides, or `undefined` if the policy has no such variant. */
export const defaultModelOf = (policy: EndpointPolicy): ModelKey | undefined =>
  policy.variants.find(({ name }) => name === policy.defaultVariant)?.model;

/** The same policy with another model behind its default variant. */
export const withDefaultModel = (policy: EndpointPolicy, model: ModelKey): EndpointPolicy =>
  defaultModelOf(policy) === model
    ? policy
    : {
        ...policy,
        variants: policy.variants.map((variant) => (variant.name === policy.defaultVariant ? { ...variant, model } : variant)),
      };

/**
 * The next policy of an endpoint. Its slots come from those in force, so that as few units move as the shares demand, whatever else is edited.
 */
export function nextPolicy(
  endpoint: EndpointRecord | undefined,
  current: Versioned<PolicyRecord> | undefined,
  {
    published,
    ...fields
  }: Pick<PolicyRecord, 'id' | 'namespace' | 'owner' | 'policy'> & { readonly published?: WeightsRecord | undefined },
  nowMs: EpochMs,
): PolicyRecord {
  const revision = Math.max(endpoint?.policyRevision ?? 0, current?.record.revision ?? 0) + 1;
  return newPolicyRecord({
    ...fields,
    revision,
    createdAtMs: nowMs,
    slots: assignSlots(fields.policy, slotsInForce(current?.record, published)),
    unknownFields: current?.record.unknownFields ?? new Map(),
  });
}

const NO_SLOTS: SlotAssignment = new Map();

/**
 * The slots by which calls are assigned now: of a policy that was stored without them, those that its workers made themselves; those that a strategy
 * published where it did.
 */
function slotsInForce(current: PolicyRecord | undefined, published: WeightsRecord | undefined): SlotAssignment {
  if (current === undefined) return NO_SLOTS;
  const assigned = assignSlots(current.policy, current.slots);
  if (published === undefined || published.revision !== current.revision || published.slots.length === 0) return assigned;
  return new Map([...assigned, [MAIN_SPLIT, published.slots]]);
}

/**
 * What a transaction demands that changes an endpoint's references and not its policy: the policy that the references were counted by. The two
 * records may be learned one after the other.
 */
export function policyChecks(
  { record }: Versioned<EndpointRecord>,
  current: Versioned<PolicyRecord> | undefined,
): readonly RegistryWrite[] {
  if (current === undefined && record.policyRevision === 0) return [];
  return [{ kind: 'check', key: policyRecordKey(record.id, record.namespace), expected: current?.revision ?? ABSENT }];
}

/** Writes a policy as the one in force and into the history, and drops what fell out of the history. */
export function policyWrites(policy: PolicyRecord, current: Versioned<PolicyRecord> | undefined): readonly RegistryWrite[] {
  const writes: RegistryWrite[] = [
    putOf(policy, current?.revision ?? ABSENT),
    { kind: 'put', key: historyKeyOf(policy), record: policy, expected: 'any' },
  ];
  const outdated = policy.revision - POLICY_HISTORY_MAX;
  if (outdated > 0) writes.push(deleteOf(policyRevisionKey(policy.id, outdated, policy.namespace), 'any'));
  return writes;
}

/** Deletes an endpoint's record, its policy, the whole history and what a strategy learned: one of the same name that comes after it begins anew. */
export function endpointDeletions(
  { record, revision }: Versioned<EndpointRecord>,
  current: Versioned<PolicyRecord> | undefined,
): readonly RegistryWrite[] {
  const { id, namespace } = record;
  const writes: RegistryWrite[] = [deleteOf(endpointRecordKey(id, namespace), revision)];
  if (current !== undefined) {
    writes.push(deleteOf(policyRecordKey(id, namespace), current.revision));
    writes.push(deleteOf(weightsRecordKey(id, namespace), 'any'));
  }
  const newest: PolicyRevision = Math.max(record.policyRevision, current?.record.revision ?? 0);
  for (let past = Math.max(1, newest - POLICY_HISTORY_MAX + 1); past <= newest; past++) {
    writes.push(deleteOf(policyRevisionKey(id, past, namespace), 'any'));
  }
  return writes;
}
