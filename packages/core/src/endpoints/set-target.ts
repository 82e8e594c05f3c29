import {
  ABSENT,
  type EndpointRecord,
  inTransition,
  type ModelRecord,
  newEndpointRecord,
  type PolicyRecord,
  putOf,
  type RegistryWrite,
  type Versioned,
  withLastUsed,
  withTarget,
  withTransitionDone,
} from '../records/index.ts';
import { type EndpointId, epochMs, type ModelKey } from '../units.ts';
import type { EndpointDecision, EndpointEnv, EndpointFollowUp, EndpointReader, SetEndpointRequest } from './decision.ts';
import { policyWrites } from './policies.ts';
import { referenceWrites, type TouchedModel } from './references.ts';

/** What of a request matters once it was found to be allowed. */
export type TargetRequest = Pick<SetEndpointRequest, 'namespace' | 'owner' | 'loadNow' | 'force' | 'sync'>;

/** An endpoint, the model that it shall answer with, and the policy that stands beside it. */
export interface TargetChange {
  readonly id: EndpointId;
  readonly target: ModelKey;
  /** `undefined`: it is created. */
  readonly existing: Versioned<EndpointRecord> | undefined;
  readonly policy: Versioned<PolicyRecord> | undefined;
  /** Models that are created with it; the target is one of them unless it exists. */
  readonly touched: TouchedModel | readonly TouchedModel[] | undefined;
  /** The policy that replaces `policy`, if any does. @param before the record as it was, or as it is created */
  readonly nextPolicy: (before: EndpointRecord) => PolicyRecord | undefined;
}

/** Points an endpoint at a model: at once where nothing is lost by it, else through a transition. */
export function setTarget(reader: EndpointReader, request: TargetRequest, env: EndpointEnv, to: TargetChange): EndpointDecision {
  const created = to.touched === undefined ? [] : [to.touched].flat();
  return to.existing === undefined
    ? create(reader, request, env, to, created)
    : change(reader, request, env, { ...to, existing: to.existing }, created);
}

function create(
  reader: EndpointReader,
  request: TargetRequest,
  env: EndpointEnv,
  to: TargetChange,
  touched: readonly TouchedModel[],
): EndpointDecision {
  const { namespace, owner } = request;
  const plain = newEndpointRecord({ id: to.id, namespace, active: to.target, owner: owner || (env.defaultOwner ?? '') });
  const policy = to.nextPolicy(plain);
  const endpoint = policy === undefined ? plain : { ...plain, policyRevision: policy.revision };
  const after = { record: endpoint, policy: policy?.policy };
  const writes = [
    putOf(endpoint, ABSENT),
    ...(policy === undefined ? [] : policyWrites(policy, to.policy)),
    ...referenceWrites(reader, namespace, undefined, after, touched),
  ];
  return { kind: 'write', writes, endpoint, next: ensureIf(request.loadNow, reader, request, endpoint, touched) };
}

function change(
  reader: EndpointReader,
  request: TargetRequest,
  env: EndpointEnv,
  to: TargetChange & { readonly existing: Versioned<EndpointRecord> },
  created: readonly TouchedModel[],
): EndpointDecision {
  const { namespace } = request;
  const before = to.existing.record;
  const active = reader.model(namespace, before.active)?.record;
  const moved = before.target === to.target ? before : withTarget(before, to.target);
  const atOnce = request.force || (moved !== before && costsNothing(env, active, namespace, to.target));
  const settled = atOnce && inTransition(moved) ? withTransitionDone(moved) : moved;
  const policy = to.nextPolicy(before);
  const after = policy === undefined ? settled : { ...settled, policyRevision: policy.revision };
  const touched = settled === before ? created : warmed(reader, request, to.target, created, active);
  const next: EndpointFollowUp = inTransition(after)
    ? { kind: 'await-transition', id: after.id, target: after.target, sync: request.sync }
    : ensureIf(request.loadNow || (settled !== before && (active?.copies.size ?? 0) > 0), reader, request, after, touched);
  if (after === before && created.length === 0) return { kind: 'no-change', endpoint: before, next };
  const was = { record: before, policy: to.policy?.record.policy };
  const is = { record: after, policy: (policy ?? to.policy?.record)?.policy };
  const writes: RegistryWrite[] = [
    putOf(after, to.existing.revision),
    ...(policy === undefined ? [] : policyWrites(policy, to.policy)),
    ...referenceWrites(reader, namespace, was, is, touched),
  ];
  return { kind: 'write', writes, endpoint: after, next };
}

/** The target becomes as warm as the model that it replaces. */
function warmed(
  reader: EndpointReader,
  { namespace }: TargetRequest,
  key: ModelKey,
  created: readonly TouchedModel[],
  replaced: ModelRecord | undefined,
): readonly TouchedModel[] {
  const others = created.filter((model) => model.key !== key);
  if (replaced === undefined) return created;
  const { lastUsedMs } = replaced;
  const made = created.find((model) => model.key === key)?.record;
  const stored = made ?? reader.model(namespace, key)?.record;
  if (stored === undefined) return created;
  return [...others, { key, record: made === undefined ? withLastUsed(stored, lastUsedMs) : { ...made, lastUsedMs } }];
}

/** Whether to switch without waiting: nobody is served by the active model, or both are loaded once and it is a wash. */
function costsNothing(
  env: EndpointEnv,
  active: ModelRecord | undefined,
  namespace: TargetRequest['namespace'],
  target: ModelKey,
): boolean {
  const copies = active?.copies.size ?? 0;
  return copies === 0 || (copies === 1 && env.isLoaded(namespace, target));
}

function ensureIf(
  wanted: boolean,
  reader: EndpointReader,
  { namespace, sync }: TargetRequest,
  endpoint: EndpointRecord,
  touched: readonly TouchedModel[],
): EndpointFollowUp {
  if (!wanted) return { kind: 'none' };
  const { target } = endpoint;
  const record = touched.find(({ key }) => key === target)?.record ?? reader.model(namespace, target)?.record;
  return { kind: 'ensure-loaded', model: target, lastUsedMs: record?.lastUsedMs ?? epochMs(0), sync };
}
