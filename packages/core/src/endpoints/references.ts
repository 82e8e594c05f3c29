import {
  ABSENT,
  deleteOf,
  type EndpointPolicy,
  type EndpointRecord,
  type ModelRecord,
  modelRecordKey,
  putOf,
  type RegistryWrite,
  referencedModels,
  withRefs,
} from '../records/index.ts';
import type { ModelReader } from '../registration/index.ts';
import type { ModelKey, Namespace } from '../units.ts';

/** A model that the transaction creates, or an existing one as it should be apart from its references. */
export interface TouchedModel {
  readonly key: ModelKey;
  readonly record: ModelRecord;
}

/** An endpoint's record and the policy beside it, which together refer to models. */
export interface Referrer {
  readonly record: EndpointRecord;
  readonly policy: EndpointPolicy | undefined;
}

/**
 * The writes to models that go with an endpoint's change: each model that the endpoint refers to afterwards and did not before gains one
 * reference, each that it no longer refers to loses one, and a model that loses its last one is deleted if it was made to be.
 *
 * Counting the difference of two sets, rather than each step of the way, is what keeps references from leaking when a target is set twice
 * or set back (spec `modelmesh.md` §5.2 [bug]).
 */
export function referenceWrites(
  reader: ModelReader,
  namespace: Namespace,
  before: Referrer | undefined,
  after: Referrer | undefined,
  touched: readonly TouchedModel[] = [],
): readonly RegistryWrite[] {
  const held = new Set(before === undefined ? [] : referencedModels(before.record, before.policy));
  const wanted = new Set(after === undefined ? [] : referencedModels(after.record, after.policy));
  const writes: RegistryWrite[] = [];
  for (const key of wanted) {
    const stored = reader.model(namespace, key);
    const model = touched.find((one) => one.key === key)?.record ?? stored?.record;
    if (model === undefined) continue;
    // A model that is created now holds no reference yet, even where the endpoint has named it before.
    const gained = stored === undefined || !held.has(key) ? 1 : 0;
    const record = withRefs(model, gained);
    if (record !== stored?.record) writes.push(putOf(record, stored?.revision ?? ABSENT));
  }
  for (const key of held.difference(wanted)) {
    const stored = reader.model(namespace, key);
    // A record of another program may count too few: it is not made worse.
    if (stored === undefined || stored.record.refs === 0) continue;
    const record = withRefs(stored.record, -1);
    writes.push(
      record.refs === 0 && record.autoDelete
        ? deleteOf(modelRecordKey(key, namespace), stored.revision)
        : putOf(record, stored.revision),
    );
  }
  return writes;
}
