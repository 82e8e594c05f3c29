import {
  type Clock,
  DEFAULT_NAMESPACE,
  durationMs,
  type EndpointId,
  endpointId,
  type InstanceId,
  MeshError,
  type ModelKey,
  modelKey,
  type Namespace,
  type Revision,
  revision,
  type Timer,
  toMeshError,
} from '@modelmesh/core';
import {
  ABSENT,
  endpointRecordKey,
  instanceRecordKey,
  type ModelRecord,
  modelRecordKey,
  type PolicyRecord,
  policyRevisionKey,
  putOf,
  type RegistryEvent,
  type RegistryRecord,
  type RegistryWrite,
  type Versioned,
} from '@modelmesh/core/records';
import { type Dirty, isClean, type RegistryView } from '@modelmesh/core/view';
import {
  decodeRecord,
  encodeRecord,
  parseRecordKey,
  type RegistryLayout,
  recordKeyText,
  registryPrefixes,
} from '@modelmesh/wire/registry';
import type { Kv, KvBatch, KvCondition, KvEntry, KvOperation, KvTxn, KvTxnOutcome, KvUnknown, KvWatch } from '../../kv/index.ts';
import type { RegistryPulse } from './registry-pulse.ts';

/** Conflicts that one change may meet before it is given up: each means that somebody else made progress on the same record. */
export const TRANSACTION_TRIES_MAX = 16;

/** Pause before the registry is listed and watched again after a watch was lost. */
const FOLLOW_PAUSE_MS = durationMs(1000);

/** Entries of one page while the registry is listed. */
const LIST_PAGE_ENTRIES = 1000;

/** What a change comes to on the records as they are: writes, or nothing to do. May throw a `MeshError`. */
export type Decide<Result> = () => { readonly writes: readonly RegistryWrite[]; readonly result: Result };

/** What the mirror tells its owner. */
export interface MirrorSink {
  onDirty(dirty: Dirty): void;
  /** Everything that was written of endpoints up to this revision is in the picture. Called when some of it is new, after {@link onDirty}. */
  onEndpoints(upTo: Revision): void;
  /** A stored record could not be read: it is left out of the picture, and the node says so. */
  onUnreadable(key: string, error: MeshError): void;
  /** The whole listing is about to be taken over: what is missing in it was removed while nobody watched. */
  onFollowed(): void;
  /** The watch ended: the picture may be outdated until it is followed again, which is tried until it succeeds. */
  onLost(error: MeshError): void;
}

/**
 * Keeps a {@link RegistryView} true to the store: lists once, watches from there, folds in own writes at once, and carries changes out by
 * compare-and-set.
 */
export class RegistryMirror {
  readonly view: RegistryView;
  readonly #kv: Kv;
  readonly #layout: RegistryLayout;
  readonly #clock: Clock;
  readonly #sink: MirrorSink;
  readonly #pulse: RegistryPulse;
  /** Transactions that may have been committed, with what they wrote: settled before anything else is written. */
  readonly #unsettled = new Map<KvUnknown, readonly RegistryWrite[]>();
  #watches: KvWatch[] = [];
  #retry: Timer | undefined;
  #stopped = false;
  /** Of changes under way: how their callers are told that this node ends. */
  readonly #underWay = new Set<(error: MeshError) => void>();

  constructor(kv: Kv, layout: RegistryLayout, clock: Clock, view: RegistryView, sink: MirrorSink, pulse: RegistryPulse) {
    this.#pulse = pulse;
    this.#kv = kv;
    this.#layout = layout;
    this.#clock = clock;
    this.view = view;
    this.#sink = sink;
  }

  /** Lists the registry at one revision, then watches. */
  async start(): Promise<void> {
    const listing: Versioned<RegistryRecord>[] = [];
    let at: Revision | undefined;
    for (const prefix of registryPrefixes(this.#layout)) at = await this.#list(prefix, at, listing);
    const listedAt = at ?? revision(0);
    this.#pulse.heard();
    this.#sink.onFollowed();
    this.#tell(this.view.reset(listing, listedAt, this.#clock.wallMs()));
    this.#sink.onEndpoints(listedAt);
    if (!this.#stopped) this.#watch(revision(listedAt + 1));
  }

  /** Ends the watches; the store belongs to somebody else. Whose change is under way is told that nobody here will know what became of it. */
  stop(): void {
    this.#stopped = true;
    const message = 'the node is shutting down, and does not know yet whether the change was made; ask another node';
    for (const tell of this.#underWay) tell(new MeshError('registry-unavailable', message));
    this.#underWay.clear();
    this.#retry?.cancel();
    this.#unwatch();
  }

  /**
   * Carries a change out: decides on the records as they are, writes, and decides again when somebody else was faster. The view holds the
   * change when the promise resolves.
   *
   * @throws {MeshError} what `decide` throws, `registry-unavailable`, or `unavailable` after {@link TRANSACTION_TRIES_MAX} conflicts
   */
  async change<Result>(decide: Decide<Result>): Promise<Result> {
    return (await this.changeAt(decide)).result;
  }

  /** As {@link change}, and says at which revision it was written; `null`: there was nothing to write. */
  changeAt<Result>(decide: Decide<Result>): Promise<{ readonly result: Result; readonly at: Revision | null }> {
    return new Promise((resolve, reject) => {
      this.#underWay.add(reject);
      const over = (): void => void this.#underWay.delete(reject);
      this.#carryOut(decide).then(resolve, reject).finally(over);
    });
  }

  async #carryOut<Result>(decide: Decide<Result>): Promise<{ readonly result: Result; readonly at: Revision | null }> {
    for (let tries = 0; tries < TRANSACTION_TRIES_MAX; tries++) {
      for (const [unknown, writes] of this.#unsettled) await this.#settle(unknown, writes);
      const { writes, result } = decide();
      if (writes.length === 0) return { result, at: null };
      const at = await this.#commit(writes);
      if (at !== null) return { result, at };
    }
    throw new MeshError('unavailable', `the record was changed by others ${TRANSACTION_TRIES_MAX} times in a row; try again`);
  }

  /** A model as the registry has it at this moment, not as the watch has told it so far; the picture learns it too. */
  async fresh(namespace: Namespace, key: ModelKey): Promise<Versioned<ModelRecord> | undefined> {
    const text = recordKeyText(this.#layout, modelRecordKey(key, namespace));
    const { entry, revision: at } = await this.#kv.get(text);
    this.#pulse.heard();
    this.#learn([text], [entry], at);
    return entry === null ? undefined : this.view.model(namespace, key);
  }

  /** Looks for a model and an endpoint of that name in the registry itself; the picture knows them afterwards. */
  async lookUp(namespace: Namespace, name: string): Promise<void> {
    if (name === '') return;
    const keys = [modelRecordKey(modelKey(name), namespace), endpointRecordKey(endpointId(name), namespace)];
    const texts = keys.map((key) => recordKeyText(this.#layout, key));
    const reads = await Promise.all(texts.map((text) => this.#kv.get(text)));
    this.#pulse.heard();
    for (const [at, { entry, revision: read }] of reads.entries()) {
      const text = texts[at];
      if (entry !== null && text !== undefined) this.#learn([text], [entry], read);
    }
  }

  /** The policies of an endpoint that are kept, the one in force included, newest first. */
  async policyHistory(namespace: Namespace, id: EndpointId): Promise<readonly PolicyRecord[]> {
    const first = recordKeyText(this.#layout, policyRevisionKey(id, 1, namespace));
    const page = await this.#kv.range(first.slice(0, -1), { limit: LIST_PAGE_ENTRIES });
    this.#pulse.heard();
    if (page.kind === 'compacted') return [];
    const policies = page.entries
      .flatMap((entry) => this.#eventOf(entry))
      .flatMap((event) => {
        // The ids of others may begin like this one.
        const isOne = event.kind === 'put' && event.record.kind === 'policy' && event.record.id === id;
        return isOne ? [event.record as PolicyRecord] : [];
      });
    return policies.toSorted((a, b) => b.revision - a.revision);
  }

  /** Whether an instance is registered at this moment. */
  async isRegistered(instance: InstanceId): Promise<boolean> {
    const { entry } = await this.#kv.get(recordKeyText(this.#layout, instanceRecordKey(instance)));
    this.#pulse.heard();
    return entry !== null;
  }

  /** Writes a record that was judged at a revision; false where it changed since: whoever judged must judge again. */
  async writeJudged(record: ModelRecord, judged: Revision): Promise<boolean> {
    return this.change(() => {
      const stored = this.view.model(record.namespace, record.key);
      if (stored?.revision !== judged) return { writes: [], result: false };
      return { writes: [putOf(record, judged)], result: true };
    });
  }

  /** All prefixes are watched together: where one watch is lost, all begin anew. */
  #watch(from: Revision): void {
    let current = true;
    const watches: KvWatch[] = [];
    this.#watches = watches;
    const lost = (error: MeshError): void => {
      if (!current || this.#watches !== watches) return;
      current = false;
      this.#sink.onLost(error);
      this.#unwatch();
      this.#followLater();
    };
    for (const prefix of registryPrefixes(this.#layout)) {
      const watch = this.#kv.watch(
        prefix,
        { from },
        {
          batch: (batch) => this.#fold(batch),
          ended: (end) => {
            if (end.kind === 'lost') lost(end.error);
            if (end.kind === 'compacted') lost(new MeshError('registry-unavailable', 'the watch fell behind the history'));
          },
        },
      );
      watches.push(watch);
    }
  }

  #unwatch(): void {
    const watches = this.#watches;
    this.#watches = [];
    for (const watch of watches) watch.cancel();
  }

  #followLater(): void {
    if (this.#stopped) return;
    this.#retry = this.#clock.after(FOLLOW_PAUSE_MS, () => {
      this.start().catch((error: unknown) => {
        this.#sink.onLost(toMeshError(error));
        this.#followLater();
      });
    });
  }

  /** The revision at which it was committed; `null`: it was not, and what is in the way is known now. */
  async #commit(writes: readonly RegistryWrite[]): Promise<Revision | null> {
    const keys = writes.filter(({ expected }) => expected !== 'any').map(({ key }) => recordKeyText(this.#layout, key));
    const outcome = await this.#txn({ conditions: this.#conditions(writes), operations: this.#operations(writes) });
    switch (outcome.kind) {
      case 'committed':
        this.#tell(this.view.applyCommitted(writes, outcome.revision, this.#clock.wallMs()));
        return outcome.revision;
      case 'conflict':
        this.#learn(keys, outcome.current, outcome.revision);
        return null;
      case 'lease-gone':
        throw new MeshError('registry-unavailable', 'the lease of this node has ended');
      case 'unknown':
        this.#unsettled.set(outcome, writes);
        return this.#settle(outcome, writes);
    }
  }

  /** Where the transaction was committed, if it was. Where the registry does not say, it stays to be settled. */
  async #settle(unknown: KvUnknown, writes: readonly RegistryWrite[]): Promise<Revision | null> {
    const resolution = await this.#kv.resolve(unknown);
    this.#unsettled.delete(unknown);
    if (resolution.kind !== 'committed') return null;
    this.#tell(this.view.applyCommitted(writes, resolution.revision, this.#clock.wallMs()));
    return resolution.revision;
  }

  async #txn(txn: KvTxn): Promise<KvTxnOutcome> {
    try {
      const outcome = await this.#kv.txn(txn);
      if (outcome.kind !== 'unknown') this.#pulse.heard();
      return outcome;
    } catch (error) {
      this.#pulse.failed(toMeshError(error));
      throw error;
    }
  }

  #conditions(writes: readonly RegistryWrite[]): KvCondition[] {
    return writes.flatMap(({ key, expected }) => {
      if (expected === 'any') return [];
      const text = recordKeyText(this.#layout, key);
      const condition: KvCondition =
        expected === ABSENT ? { kind: 'absent', key: text } : { kind: 'unchanged', key: text, modRevision: expected };
      return [condition];
    });
  }

  #operations(writes: readonly RegistryWrite[]): KvOperation[] {
    return writes.flatMap((write): KvOperation[] => {
      const key = recordKeyText(this.#layout, write.key);
      if (write.kind === 'check') return [];
      return write.kind === 'put' ? [{ kind: 'put', key, value: encodeRecord(write.record) }] : [{ kind: 'delete', key }];
    });
  }

  /** A conflict shows the records that were in the way: the view learns them now and not when the watch comes to them. */
  #learn(keys: readonly string[], current: readonly (KvEntry | null)[], at: Revision): void {
    const events = keys.flatMap((key, index): RegistryEvent[] => {
      const entry = current[index] ?? null;
      if (entry !== null) return this.#eventOf(entry);
      const recordKey = parseRecordKey(this.#layout, key);
      return recordKey === undefined ? [] : [{ kind: 'delete', key: recordKey, revision: at }];
    });
    this.#tell(this.view.apply(events, this.#clock.wallMs()));
  }

  async #list(prefix: string, at: Revision | undefined, into: Versioned<RegistryRecord>[]): Promise<Revision> {
    let after: string | undefined;
    let listedAt = at;
    for (;;) {
      const page = await this.#kv.range(prefix, {
        limit: LIST_PAGE_ENTRIES,
        ...(after === undefined ? {} : { after }),
        ...(listedAt === undefined ? {} : { revision: listedAt }),
      });
      if (page.kind === 'compacted')
        throw new MeshError('registry-unavailable', 'the registry changed faster than it could be listed');
      listedAt = page.revision;
      for (const entry of page.entries) {
        for (const event of this.#eventOf(entry))
          if (event.kind === 'put') into.push({ record: event.record, revision: event.revision });
      }
      after = page.entries.at(-1)?.key;
      if (!page.more) return listedAt;
    }
  }

  #fold(batch: KvBatch): void {
    this.#pulse.heard();
    const events: RegistryEvent[] = [];
    let endpoints = false;
    for (const event of batch.events) {
      const text = event.kind === 'put' ? event.entry.key : event.key;
      const key = parseRecordKey(this.#layout, text);
      if (key === undefined) continue;
      // Those of other namespaces come by another watch, and lead nowhere yet.
      endpoints ||= (key.kind === 'endpoint' || key.kind === 'policy') && key.namespace === DEFAULT_NAMESPACE;
      if (event.kind === 'delete') events.push({ kind: 'delete', key, revision: batch.revision });
      // What we wrote ourselves was folded in when it was committed: it need not be read again.
      else if (!this.view.knows(key, event.entry.modRevision)) events.push(...this.#eventOf(event.entry));
    }
    this.#tell(this.view.apply(events, this.#clock.wallMs()));
    if (endpoints) this.#sink.onEndpoints(batch.revision);
  }

  #eventOf(entry: KvEntry): RegistryEvent[] {
    const key = parseRecordKey(this.#layout, entry.key);
    if (key === undefined) return [];
    try {
      return [{ kind: 'put', key, record: decodeRecord(key, entry.value), revision: entry.modRevision }];
    } catch (error) {
      this.#sink.onUnreadable(entry.key, toMeshError(error));
      return [];
    }
  }

  #tell(dirty: Dirty): void {
    if (!isClean(dirty)) this.#sink.onDirty(dirty);
  }
}
