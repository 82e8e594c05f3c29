import { DEFAULT_NAMESPACE, type EndpointId, MeshError, type Namespace } from '@modelmesh/core';
import { type ApplyEndpointRequest, decideApplyEndpoint, type EndpointDecision, policyChanges } from '@modelmesh/core/endpoints';
import type { PolicyRecord, PolicyRevision, RegistryWrite } from '@modelmesh/core/records';
import type { ApplyOptions, EndpointEdit, PastPolicy } from '../control.ts';
import type { Acknowledgement, PolicyAcks } from '../policies/index.ts';
import type { RegistryMirror } from '../registry/index.ts';
import type { Management } from './management.ts';

/** What an edit is decided from, without how it came about. */
export type EditRequest = Pick<ApplyEndpointRequest, 'namespace' | 'id' | 'owner' | 'policy' | 'models'>;

/** An edit that was made, or tried. */
export interface MadeEdit {
  /** `null`: of an endpoint without a policy. */
  readonly edit: EndpointEdit | null;
  /** Whether there was no such endpoint before. */
  readonly created: boolean;
  readonly wrote: boolean;
}

/** Edits of the policies of endpoints: made, tried, told of and taken back. */
export class EndpointEdits {
  readonly #mirror: RegistryMirror;
  readonly #management: Management;
  readonly #acks: PolicyAcks;

  constructor(parts: { readonly mirror: RegistryMirror; readonly management: Management; readonly acks: PolicyAcks }) {
    this.#mirror = parts.mirror;
    this.#management = parts.management;
    this.#acks = parts.acks;
  }

  /** Puts a policy in force, and waits until all nodes run it if that is asked for. @throws {MeshError} as {@link decideApplyEndpoint}, or the registry's */
  apply(request: EditRequest, options: ApplyOptions, signal: AbortSignal): Promise<MadeEdit> {
    const { view } = this.#mirror;
    const { expectedRevision } = options;
    const expected = expectedRevision === undefined ? {} : { expectedRevision };
    const whole = { ...request, ...expected, loadNow: false, force: false, sync: false };
    const decide = () => decideApplyEndpoint(view, whole, this.#management.endpointEnv());
    return this.make(request.namespace, request.id, decide, options, signal);
  }

  /** Carries any decision about an endpoint out, or tries it, as the options say. */
  async make(
    namespace: Namespace,
    id: EndpointId,
    decide: () => EndpointDecision,
    { dryRun, waitMs }: ApplyOptions,
    signal: AbortSignal,
  ): Promise<MadeEdit> {
    const { view } = this.#mirror;
    let before: PolicyRecord | undefined;
    let created = false;
    const noted = (): EndpointDecision => {
      // Kept of the last try: it is the one that was written.
      before = view.policy(namespace, id)?.record;
      created = view.endpoint(namespace, id) === undefined;
      return decide();
    };
    const madeOf = (decision: EndpointDecision, acknowledgement: Acknowledgement | null): MadeEdit => {
      const after = (decision.kind === 'write' ? policyOf(decision.writes) : undefined) ?? before;
      const edit = after && { revision: after.revision, changes: policyChanges(before ?? null, after), acknowledgement };
      return { edit: edit ?? null, created, wrote: decision.kind === 'write' };
    };
    if (dryRun === true) {
      const decision = noted();
      if (decision.kind === 'error') throw decision.error;
      return madeOf(decision, null);
    }
    const { decision, at } = await this.#management.carryOutAt(id, noted, signal);
    const upTo = at ?? view.endpoint(namespace, id)?.revision;
    const waits = waitMs !== undefined && waitMs > 0 && upTo !== undefined;
    return madeOf(decision, waits ? await this.#acks.everywhere(upTo, waitMs, signal) : null);
  }

  /** The policies of an endpoint that are kept, newest first. */
  async history(id: EndpointId): Promise<readonly PastPolicy[]> {
    const kept = await this.#kept(id);
    return kept.map((record, at) => {
      const earlier = kept[at + 1];
      const isFirst = record.revision === 1;
      return { record, changes: earlier === undefined && !isFirst ? null : policyChanges(earlier ?? null, record) };
    });
  }

  /** Puts an earlier policy in force again. Its shares come back; which units they hold follows from those that they hold now. */
  async undo(id: EndpointId, to: PolicyRevision | null, options: ApplyOptions, signal: AbortSignal): Promise<MadeEdit> {
    const kept = await this.#kept(id);
    const [inForce] = kept;
    const wanted = to === null ? kept[1] : kept.find(({ revision }) => revision === to);
    if (wanted === undefined || inForce === undefined) throw noSuchRevision(id, to, kept);
    const { namespace, policy } = wanted;
    const owner = this.#mirror.view.endpoint(namespace, id)?.record.owner ?? inForce.owner;
    // What is taken back is what was seen: an edit made meanwhile is not thrown away with it.
    const expectedRevision = options.expectedRevision ?? inForce.revision;
    return this.apply({ namespace, id, owner, policy }, { ...options, expectedRevision }, signal);
  }

  async #kept(id: EndpointId): Promise<readonly PolicyRecord[]> {
    await this.#mirror.lookUp(DEFAULT_NAMESPACE, id);
    if (this.#mirror.view.endpoint(DEFAULT_NAMESPACE, id) === undefined)
      throw new MeshError('endpoint-not-found', `endpoint ${JSON.stringify(id)} not found`);
    return this.#mirror.policyHistory(DEFAULT_NAMESPACE, id);
  }
}

const policyOf = (writes: readonly RegistryWrite[]): PolicyRecord | undefined => {
  for (const write of writes)
    if (write.kind === 'put' && write.key.kind === 'policy' && write.record.kind === 'policy') return write.record;
  return undefined;
};

function noSuchRevision(id: EndpointId, to: PolicyRevision | null, kept: readonly PolicyRecord[]): MeshError {
  const [newest, oldest] = [kept[0]?.revision, kept.at(-1)?.revision];
  if (to === null) return new MeshError('failed-precondition', `endpoint ${id} has no earlier policy that is kept`);
  const range = newest === undefined ? 'it has no policy' : `kept are ${oldest} to ${newest}`;
  return new MeshError('not-found', `endpoint ${id} has no revision ${to}: ${range}`);
}
