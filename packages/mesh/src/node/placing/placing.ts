import {
  type Clock,
  durationMs,
  type EpochMs,
  type InstanceId,
  MeshError,
  type ModelKey,
  type SizeUnits,
  toMeshError,
} from '@modelmesh/core';
import type { ModelRecord } from '@modelmesh/core/records';
import type { PeerCopy, PeerLoad, Peers } from '../../peer/index.ts';
import { type LocalCopies, type WaitOutcome, waitError } from '../copies/index.ts';
import { inTime } from '../in-time.ts';
import type { Members } from '../members/index.ts';
import type { RegistryClaims } from '../registry/index.ts';
import { abortable } from './abortable.ts';
import { COPIES_TRIED_MAX, type CopyMap, errorOf, LOAD_TRIES_MAX, type Target } from './copy-map.ts';
import type { PlacementDesk } from './placement-desk.ts';

/** A peer is asked this long for the state of a copy. */
const ASK_TIMEOUT_MS = durationMs(2000);

/** What placing is made of. */
export interface PlacingParts {
  readonly self: InstanceId;
  readonly clock: Clock;
  readonly map: CopyMap;
  readonly members: Members;
  readonly claims: RegistryClaims;
  readonly copies: LocalCopies;
  readonly desk: PlacementDesk;
  readonly peers: Peers;
  /** Ends with the node. */
  readonly signal: AbortSignal;
}

/** A load that somebody wants, wherever it may be. */
export interface WantedLoad {
  readonly lastUsedMs: EpochMs;
  /** Waits for the end of the load. */
  readonly sync: boolean;
  readonly exclude: readonly InstanceId[];
  readonly signal: AbortSignal;
}

/** Where a copy was seen to, and how far it is there. */
export interface SeenTo {
  readonly at: InstanceId;
  readonly copy: 'loaded' | 'loading';
}

/** What came of a load at one instance; `overtaken`: somebody else claimed it first. */
type Came =
  | { readonly kind: 'loaded' }
  | { readonly kind: 'loading' }
  | { readonly kind: 'failed' | 'refused' | 'overtaken'; readonly error: MeshError };

/** Further copies that are to be spread over instances. */
export interface SpreadLoad extends Pick<PeerLoad, 'lastUsedMs' | 'exclude' | 'knownUnits'> {
  readonly onRefused?: () => void;
}

/** Loads models where they belong: for management, for other nodes, and for whatever in control wants a copy somewhere. */
export class Placing {
  readonly #parts: PlacingParts;
  readonly #map: CopyMap;

  constructor(parts: PlacingParts) {
    this.#parts = parts;
    this.#map = parts.map;
  }

  /** What is known of a copy here, for another node. */
  copyHere(model: ModelKey): PeerCopy {
    const { copies } = this.#parts;
    const knowledge = copies.knowledge(model);
    if (knowledge === 'loaded' || knowledge === 'loading') return { kind: knowledge };
    const failure = copies.failure(model);
    return failure === null ? { kind: 'absent', message: 'there is no copy here' } : { kind: 'failed', failure };
  }

  /** Loads a copy here for another node, and sees to further ones elsewhere. */
  async loadHere(load: PeerLoad): Promise<PeerCopy> {
    const { members, self, desk, claims, copies } = this.#parts;
    const record = await this.#map.freshRecord(load.model);
    if (record === undefined) return { kind: 'absent', message: 'the model is not registered' };
    const refusal = desk.refusalHere(record);
    if (refusal !== null && copies.knowledge(load.model) === 'absent') return { kind: 'absent', message: refusal };
    claims.allowBeside(load.model, [...load.exclude, ...[...record.copies.keys()].filter((id) => !members.isLive(id))]);
    const ended = copies.ensure(record, load.lastUsedMs, load.knownUnits);
    if (load.moreCopies > 0) this.spread(load.model, load.moreCopies, { ...load, exclude: [...load.exclude, self] });
    if (load.sync) return peerCopyOf(await ended);
    const copy = await this.#promptly(load.model, ended);
    // What failed earlier is for the asker to try elsewhere: two instances that failed would send each other on for ever.
    if (copy.kind === 'loading') this.#retryElsewhere(load.model, load.lastUsedMs, ended);
    return copy;
  }

  /**
   * Sees to a copy, wherever it is or is placed. Resolves when it is loaded, or with `sync` false when its load has begun; the registry may tell
   * this instance of it later.
   *
   * @throws {MeshError} `load-failed` with what the last instance said, `no-capacity` with why nobody takes it, `model-not-found`
   */
  async ensure(model: ModelKey, wanted: WantedLoad): Promise<SeenTo> {
    const tried = new Set(wanted.exclude);
    // A claim may stand beside holders that do not serve, else it loses to one that is gone or leaves; whoever was asked to load may still do so.
    const beside = new Set(wanted.exclude);
    let last: MeshError | undefined;
    let failures = 0;
    for (let turn = 0; failures < LOAD_TRIES_MAX && turn < LOAD_TRIES_MAX + COPIES_TRIED_MAX; turn++) {
      const record = this.#map.record(model);
      if (record === undefined) throw new MeshError('model-not-found', 'model not found');
      const target = this.#map.targetOf(record, tried, wanted.lastUsedMs);
      if (target.kind === 'none') throw last ?? errorOf(target.error);
      const came = await this.#tryAt(record, target, { ...wanted, exclude: [...beside] });
      if (came.kind === 'loaded' || came.kind === 'loading') return { at: target.instance, copy: came.kind };
      last = came.error;
      if (came.kind === 'overtaken') continue;
      tried.add(target.instance);
      // The claim of one that failed goes in a moment; the next one that is asked may see it still.
      if (target.kind === 'copy' || came.kind === 'failed') beside.add(target.instance);
      if (came.kind === 'failed') failures += 1;
    }
    throw last ?? new MeshError('unavailable', `model ${model} is loaded and unloaded faster than it can be followed; try again`);
  }

  /**
   * Starts so many further copies, one instance asking the next (spec `modelmesh.md` §4.7.6). Nobody waits for them. Answers which instance was
   * chosen for the first; `null`: nobody takes one. `onRefused` is called where that is known only after others were asked.
   */
  spread(model: ModelKey, count: number, load: SpreadLoad): InstanceId | null {
    const record = this.#map.record(model);
    if (record === undefined || count < 1) return null;
    const { self, members, desk, peers, signal, claims, copies } = this.#parts;
    const exclude = [...new Set([...load.exclude, ...record.copies.keys()])];
    const chosen = desk.place(record, { exclude: new Set(exclude), lastUsedMs: load.lastUsedMs, units: load.knownUnits });
    if (chosen.instance === null) return null;
    if (chosen.instance === self) {
      claims.allowBeside(model, exclude);
      copies.start(record, load.lastUsedMs, load.knownUnits);
      const { lastUsedMs, knownUnits } = load;
      this.spread(model, count - 1, { lastUsedMs, knownUnits, exclude: [...exclude, self] });
      return self;
    }
    const address = members.addressOf(chosen.instance);
    if (address === undefined) return null;
    const asked = { model, lastUsedMs: load.lastUsedMs, sync: false, exclude, knownUnits: load.knownUnits };
    const other = chosen.instance;
    const next = (): void => {
      if (signal.aborted) return;
      const further = this.spread(model, count, { ...load, exclude: [...exclude, other] });
      if (further === null) load.onRefused?.();
    };
    peers.load(address, { ...asked, moreCopies: count - 1 }, signal).then((copy) => {
      if (copy.kind === 'absent' || copy.kind === 'failed') next();
    }, next);
    return other;
  }

  /** Sees to so many copies, as far as instances take them; resolves when they are loaded. @throws {MeshError} as {@link ensure}, if there is none */
  async ensureCopies(model: ModelKey, count: number, lastUsedMs: EpochMs, signal: AbortSignal): Promise<void> {
    await this.ensure(model, { lastUsedMs, sync: true, exclude: [], signal });
    const record = this.#map.record(model);
    if (record === undefined) return;
    const { self, copies, desk } = this.#parts;
    const holders = new Set<InstanceId>(this.#map.holders(record, new Set()));
    if (copies.knowledge(model) !== 'absent') holders.add(self);
    const chosen: InstanceId[] = [];
    while (holders.size < count) {
      const { instance } = desk.place(record, { exclude: holders, lastUsedMs, units: null });
      if (instance === null) break;
      holders.add(instance);
      chosen.push(instance);
    }
    const wanted = { lastUsedMs, sync: true, exclude: [...holders], signal };
    await Promise.allSettled(chosen.map((instance) => this.#tryAt(record, { kind: 'load', instance }, wanted)));
  }

  /**
   * Loads a copy in another instance than those that are excluded, and waits until it serves.
   *
   * @throws {MeshError} with what the last instance said, or why nobody takes it
   */
  async loadElsewhere(
    model: ModelKey,
    load: {
      readonly exclude: readonly InstanceId[];
      readonly lastUsedMs: EpochMs;
      readonly units: SizeUnits | null;
      readonly signal: AbortSignal;
    },
  ): Promise<void> {
    const tried = new Set<InstanceId>([...load.exclude, this.#parts.self]);
    let last: MeshError | undefined;
    for (let turn = 0; turn < LOAD_TRIES_MAX; turn++) {
      const record = this.#map.record(model);
      if (record === undefined) throw new MeshError('model-not-found', 'model not found');
      const placed = this.#parts.desk.place(record, { exclude: tried, lastUsedMs: load.lastUsedMs, units: load.units });
      if (placed.instance === null) throw last ?? new MeshError(placed.error, placed.because);
      const wanted = { lastUsedMs: load.lastUsedMs, sync: true, exclude: [...tried], signal: load.signal };
      const came = await this.#tryAt(record, { kind: 'load', instance: placed.instance }, wanted);
      if (came.kind === 'loaded' || came.kind === 'loading') return;
      last = came.error;
      tried.add(placed.instance);
    }
    throw last ?? new MeshError('no-capacity', `model ${model} is loaded nowhere else`);
  }

  /**
   * Loads a copy in that very instance, and waits for the end of it. `isFirst`: it is wanted only as long as there is no other one.
   *
   * @throws {MeshError} with what it said
   */
  async loadAt(
    model: ModelKey,
    instance: InstanceId,
    load: { readonly lastUsedMs: EpochMs; readonly isFirst: boolean; readonly signal: AbortSignal },
  ): Promise<void> {
    const record = this.#map.record(model);
    if (record === undefined || record.copies.has(instance)) return;
    const { lastUsedMs, isFirst, signal } = load;
    const isHeld = this.#parts.copies.knowledge(model) !== 'absent' || this.#map.holders(record, new Set()).length > 0;
    if (isFirst && isHeld) return;
    // The claim of a first copy stands beside none: whoever claims the model before it is wins.
    const exclude = isFirst ? [] : [...record.copies.keys()];
    const wanted = { lastUsedMs, sync: true, exclude, signal };
    const came = await this.#tryAt(record, { kind: 'load', instance }, wanted);
    if ('error' in came) throw came.error;
  }

  /** What the holders of copies say of them: the first that answers for sure. `undefined`: nobody could be asked. */
  async askHolders(record: ModelRecord, signal: AbortSignal): Promise<{ at: InstanceId; copy: PeerCopy } | undefined> {
    const { peers, members } = this.#parts;
    for (const at of this.#map.holders(record, new Set()).slice(0, COPIES_TRIED_MAX)) {
      const address = members.addressOf(at);
      if (address === undefined) continue;
      try {
        const copy = await this.#inTime(signal, (limited) => peers.copy(address, record.key, limited));
        if (copy.kind === 'loaded' || copy.kind === 'loading') return { at, copy };
      } catch (error) {
        if (signal.aborted) throw toMeshError(error);
      }
    }
    return undefined;
  }

  /** Drops all copies, here and elsewhere. */
  async unloadAll(model: ModelKey, signal: AbortSignal): Promise<void> {
    const { copies, peers, members } = this.#parts;
    const record = this.#map.record(model);
    copies.unload(model);
    if (record === undefined) return;
    const asked = this.#map.holders(record, new Set()).flatMap((at) => {
      const address = members.addressOf(at);
      return address === undefined ? [] : [this.#inTime(signal, (limited) => peers.unload(address, model, limited))];
    });
    const ended = await Promise.allSettled(asked);
    const refused = ended.find((one) => one.status === 'rejected');
    if (refused !== undefined) throw toMeshError(refused.reason);
  }

  async #tryAt(record: ModelRecord, target: Target, wanted: WantedLoad): Promise<Came> {
    const { self, members, peers, claims, copies } = this.#parts;
    const exclude = [...wanted.exclude, ...this.#map.uncallable(record)];
    if (target.instance === self) {
      claims.allowBeside(record.key, exclude);
      const ended = copies.ensure(record, wanted.lastUsedMs, null);
      if (!wanted.sync) {
        this.#retryElsewhere(record.key, wanted.lastUsedMs, ended);
        return { kind: 'loading' };
      }
      const outcome = await abortable(ended, wanted.signal);
      if (outcome.kind === 'serving') return { kind: 'loaded' };
      if (outcome.kind === 'claim-lost') return { kind: 'overtaken', error: waitError(record.key, outcome) };
      return { kind: outcome.kind === 'load-failed' ? 'failed' : 'refused', error: waitError(record.key, outcome) };
    }
    const address = members.addressOf(target.instance);
    if (address === undefined)
      return { kind: 'refused', error: new MeshError('unavailable', `${target.instance} cannot be reached`) };
    try {
      const load = { model: record.key, lastUsedMs: wanted.lastUsedMs, sync: wanted.sync, exclude, knownUnits: null };
      const copy = await peers.load(address, { ...load, moreCopies: 0 }, wanted.signal);
      if (copy.kind === 'loaded' || copy.kind === 'loading') return { kind: copy.kind };
      if (copy.kind === 'failed') return { kind: 'failed', error: new MeshError('load-failed', copy.failure.message) };
      return { kind: 'refused', error: new MeshError('no-capacity', `${target.instance}: ${copy.message}`) };
    } catch (error) {
      if (wanted.signal.aborted) throw toMeshError(error);
      return { kind: 'refused', error: toMeshError(error) };
    }
  }

  /** A load that nobody waits for and that failed is tried elsewhere, unless there is a copy by then (spec `modelmesh.md` §4.4.6). */
  #retryElsewhere(model: ModelKey, lastUsedMs: EpochMs, ended: Promise<WaitOutcome>): void {
    const { self, signal } = this.#parts;
    ended
      .then(async (outcome) => {
        if (outcome.kind !== 'load-failed' || signal.aborted) return;
        await this.ensure(model, { lastUsedMs, sync: false, exclude: [self], signal });
      })
      .catch(() => {});
  }

  /** What can be said of a load at once: a refusal is known in this very turn. */
  async #promptly(model: ModelKey, ended: Promise<WaitOutcome>): Promise<PeerCopy> {
    const outcome = await Promise.race([ended, Promise.resolve(null)]);
    return outcome === null ? this.#orLoading(model) : peerCopyOf(outcome);
  }

  #orLoading(model: ModelKey): PeerCopy {
    const copy = this.copyHere(model);
    return copy.kind === 'absent' ? { kind: 'loading' } : copy;
  }

  /** Asks a peer, for {@link ASK_TIMEOUT_MS} at most. */
  #inTime<Answer>(signal: AbortSignal, ask: (limited: AbortSignal) => Promise<Answer>): Promise<Answer> {
    return inTime({ clock: this.#parts.clock, withinMs: ASK_TIMEOUT_MS, signal }, ask);
  }
}

function peerCopyOf(outcome: WaitOutcome): PeerCopy {
  switch (outcome.kind) {
    case 'serving':
      return { kind: 'loaded' };
    case 'load-failed':
      return { kind: 'failed', failure: { atMs: outcome.failedAtMs, message: outcome.message } };
    default:
      return { kind: 'absent', message: 'message' in outcome ? outcome.message : outcome.kind };
  }
}
