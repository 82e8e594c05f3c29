import { bytesForUnits, type EpochMs } from '@modelmesh/core';
import { changesText, type PolicyChanges } from '@modelmesh/core/endpoints';
import { endpointSpecOf } from '@modelmesh/core/manifest';
import {
  type EndpointPolicy,
  type InstanceRecord,
  inTransition,
  leastRecentUseOrEndOfTime,
  type ModelRecord,
  type PolicyRevision,
} from '@modelmesh/core/records';
import type {
  AppliedView,
  ChangesView,
  CopyView,
  DecisionsView,
  DecisionView,
  EndpointView,
  EventView,
  InstanceView,
  ModelView,
  PolicyView,
  PreviewView,
  RevisionView,
} from '@modelmesh/sdk/client';
import type {
  Applied,
  CallPreview,
  EndpointDetail,
  MadeDecision,
  MeshDecisions,
  ModelDetail,
  NodeEvent,
  PastPolicy,
} from '../../node/index.ts';

/** The last instant that a date can hold, 275760-09-13; what lies beyond, or at zero, stands for "unknown". */
const DATE_MS_MAX = 8_640_000_000_000_000;

/** An instant as text; `null` where it is unknown. */
export const instantText = (atMs: EpochMs): string | null =>
  atMs > 0 && atMs <= DATE_MS_MAX ? new Date(atMs).toISOString() : null;

/** A model as callers see it: everything but its storage key, and no password within its path. */
export function modelView({ record, status, lastUsedMs, memory }: ModelDetail): ModelView {
  return {
    key: record.key,
    family: record.family ?? null,
    version: record.version ?? null,
    type: record.type,
    path: withoutPassword(record.path),
    format: record.format === undefined ? null : { name: record.format.name, version: record.format.version ?? null },
    labels: Object.fromEntries(record.labels),
    sha256: record.sha256 ?? null,
    status: status.status,
    errors: status.errors,
    copies: copyViews({ record, status }),
    memory: { ...memory },
    ...placementView(record),
    references: record.refs,
    autoDelete: record.autoDelete,
    lastUsedAt: lastUsedMs === null ? null : instantText(lastUsedMs),
    createdAt: instantText(record.createdAtMs),
    generation: record.generation,
  };
}

/** The copies of a model and the instances where its load failed, most recent first. */
export const copyViews = ({ record, status }: Pick<ModelDetail, 'record' | 'status'>): readonly CopyView[] =>
  status.copies.map((copy) => ({
    model: record.key,
    instance: copy.location,
    status: copy.status,
    since: instantText(copy.timeMs),
    error: copy.status === 'LOADING_FAILED' ? (record.failures.get(copy.location)?.message ?? null) : null,
  }));

function placementView({ copiesPolicy, retry }: ModelRecord): Pick<ModelView, 'copiesPolicy' | 'retry'> {
  const { min, max, pin, idleAfterMs } = copiesPolicy;
  return { copiesPolicy: { min, max: max ?? null, pin, idleAfterMs: idleAfterMs ?? null }, retry };
}

/** User and password of a URI are a secret wherever somebody put them. */
const withoutPassword = (path: string): string => path.replace(/^([A-Za-z][A-Za-z0-9+.-]*:\/\/)[^/?#]*@/, '$1***@');

/** An endpoint as callers see it. */
export function endpointView({ record, policy, failing }: EndpointDetail): EndpointView {
  return {
    name: record.id,
    owner: record.owner,
    status: !inTransition(record) ? 'DEFINED' : record.failed ? 'TRANSITION_FAILED' : 'TRANSITIONING',
    activeModel: record.active,
    targetModel: record.target,
    policy: policy === null ? null : policyViewOf(record.policyRevision, policy, failing),
  };
}

const NO_FAILURES: ReadonlyMap<string, string> = new Map();

/** A policy as callers see it: its variants with their shares, and all of it as the manifest that says it. */
function policyViewOf(revision: PolicyRevision, policy: EndpointPolicy, failing: ReadonlyMap<string, string>): PolicyView {
  const sum = policy.variants.reduce((total, { weight }) => total + weight, 0);
  const variants = policy.variants.map(({ name, model, weight, labels, concurrencyMax }) => ({
    name,
    model,
    weight,
    sharePercent: sum === 0 ? 0 : (weight / sum) * 100,
    labels,
    concurrency: concurrencyMax,
    failure: failing.get(name) ?? null,
  }));
  return { revision, default: policy.defaultVariant, variants, spec: endpointSpecOf(policy) };
}

/** An instance as callers see it. */
export const instanceView = (record: InstanceRecord): InstanceView => ({
  id: record.id,
  startedAt: instantText(record.startedAtMs),
  location: record.location,
  zone: record.zone,
  labels: [...record.labels].sort(),
  models: record.modelCount,
  capacityBytes: bytesForUnits(record.capacityUnits),
  usedBytes: bytesForUnits(record.usedUnits),
  loadingThreads: record.loadingThreads,
  loadsInProgress: record.loadsInProgress,
  requestsPerMinute: record.requestsPerMinute,
  leastRecentUseAt: instantText(leastRecentUseOrEndOfTime(record)),
  shuttingDown: record.shuttingDown,
  incarnation: record.incarnation ?? null,
});

/** An event as callers see it. */
export const eventView = ({ id, atMs, kind, model, endpoint, message, fields }: NodeEvent): EventView => ({
  id,
  at: new Date(atMs).toISOString(),
  kind,
  model,
  endpoint,
  message,
  fields: { ...fields },
});

/** A decision as callers see it. */
const decisionView = ({ atMs, models, details, madeBy, ...record }: MadeDecision): DecisionView => ({
  ...record,
  madeBy,
  at: new Date(atMs).toISOString(),
  models: [...models],
  details: { ...details },
});

/** Decisions of a mesh, as callers see them. */
export const decisionsView = ({ records, unanswered }: MeshDecisions): DecisionsView => ({
  records: records.map(decisionView),
  unanswered: [...unanswered],
});

/** What became of a manifest, as callers see it. */
export const appliedView = ({ kind, name, change, warnings, edit }: Applied): AppliedView => ({
  kind,
  name,
  change,
  warnings,
  edit: edit && {
    revision: edit.revision,
    changes: changesView(edit.changes),
    acknowledged: edit.acknowledgement && [...edit.acknowledgement.acknowledged],
    missing: (edit.acknowledgement?.missing ?? []).map(({ instance, why }) => ({ instance, why })),
  },
});

const changesView = ({ referenced, unreferenced, ...changes }: PolicyChanges): ChangesView => ({
  text: changesText({ ...changes, referenced, unreferenced }),
  ...changes,
  referenced: [...referenced],
  unreferenced: [...unreferenced],
});

/** Where a call would go, as callers see it. */
export const previewView = ({ rules, variants, mirrors, copies, ...preview }: CallPreview): PreviewView => ({
  ...preview,
  rules: rules.map(({ name, when, outcome }) => ({ name, when, outcome })),
  variants: variants.map(({ name, model, percent, available }) => ({ name, model, percent, available })),
  mirrors: mirrors.map(({ to, percent }) => ({ to, percent })),
  copies: copies.map(({ instance, status }) => ({ instance, status })),
});

/** A policy that an endpoint has or had, as callers see it. @param inForce the revision in force */
export const revisionView = ({ record, changes }: PastPolicy, inForce: PolicyRevision): RevisionView => ({
  revision: record.revision,
  inForce: record.revision === inForce,
  createdAt: instantText(record.createdAtMs),
  owner: record.owner,
  policy: policyViewOf(record.revision, record.policy, NO_FAILURES),
  changes: changes && changesView(changes),
});
