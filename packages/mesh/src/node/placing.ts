import {
  type Clock,
  DEFAULT_NAMESPACE,
  type DurationMs,
  durationMs,
  type EpochMs,
  type InstanceId,
  MeshError,
  type ModelKey,
  type SizeUnits,
  toMeshError,
} from '@modelmesh/core';
import { type LoadFailure, type ModelRecord, withCopyWithdrawn, withoutFailureOf } from '@modelmesh/core/records';
import type { RegistryView } from '@modelmesh/core/view';
import type { ControlEnd, ErrorFacts, Located, ToControl } from '../link/index.ts';
import type { PeerCopy, PeerLoad, Peers } from '../peer/index.ts';
import { abortable } from './abortable.ts';
import type { RegistryClaims } from './claim-book.ts';
import { type WaitOutcome, waitError } from './copy-waits.ts';
import type { LocalCopies } from './local-copies.ts';
import type { Members } from './members.ts';
import type { PlacementDesk } from './placement-desk.ts';
import type { RegistryPulse } from './registry-pulse.ts';
import type { RoutePublisher } from './route-publisher.ts';

/** Decisions for one question that may be overtaken by another node's before it is given up. */
const OVERTAKEN_MAX = 3;
/** Instances that are tried for one load (spec `modelmesh.md` §2.8). */
export const LOAD_TRIES_MAX = 3;
/** So many copies, none of which could be called, prove that one more will not help (spec `modelmesh.md` §2.8). */
export const COPIES_TRIED_MAX = 5;
/** A peer is asked this long for the state of a copy. */
const ASK_TIMEOUT_MS = durationMs(2000);

/** What placing is made of. */
export interface PlacingParts {
  readonly self: InstanceId;
  readonly clock: Clock;
  readonly view: RegistryView;
  /** Looks a model up in the registry itself; the view knows it afterwards. */
  readonly fresh: (model: ModelKey) => Promise<unknown>;
  readonly members: Members;
  readonly claims: RegistryClaims;
  readonly copies: LocalCopies;
  readonly desk: PlacementDesk;
  readonly pulse: RegistryPulse;
  readonly peers: Peers;
  readonly routes: RoutePublisher;
  readonly link: ControlEnd;
  /** How long a failed load speaks against an instance; half of it counts for the gate of spec §2.8. */
  readonly failureExpiryMs: DurationMs;
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

/** What came of a load at one instance; `overtaken`: somebody else claimed it first. */
type Came =
  | { readonly kind: 'loaded' }
  | { readonly kind: 'loading' }
  | { readonly kind: 'failed' | 'refused' | 'overtaken'; readonly error: MeshError };

type LocateQuestion = Extract<ToControl, { readonly kind: 'locate' }>;

/**
 * Where a model is loaded and where its calls go: answers the data plane's questions, loads for management, and loads for other nodes.
 *
 * No node decides for the others. Those that decide at the same time on equal pictures choose the same instance; where their pictures differ,
 * the registry lets one claim win, and whoever lost asks again with what it learned.
 */
export class Placing {
  readonly #parts: PlacingParts;

  constructor(parts: PlacingParts) {
    this.#parts = parts;
  }

  /** Answers the data plane. */
  locate(question: LocateQuestion): void {
    if (question.ask.kind === 'anywhere') this.#locateAnywhere(question, 0);
    else this.#locateHere(question, question.ask.intent);
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
    const record = await this.#freshRecord(load.model);
    if (record === undefined) return { kind: 'absent', message: 'the model is not registered' };
    const refusal = desk.refusalHere(record);
    if (refusal !== null && copies.knowledge(load.model) === 'absent') return { kind: 'absent', message: refusal };
    claims.allowBeside(load.model, [...load.exclude, ...[...record.copies.keys()].filter((id) => !members.isLive(id))]);
    const ended = copies.ensure(record, load.lastUsedMs, load.knownUnits);
    if (load.moreCopies > 0) this.spread(load.model, load.moreCopies, { ...load, exclude: [...load.exclude, self] });
    if (!load.sync) {
      this.#retryElsewhere(load.model, load.lastUsedMs, ended);
      return this.#promptly(load.model, ended);
    }
    return peerCopyOf(await ended);
  }

  /**
   * Sees to a copy, wherever it is or is placed. Resolves when it is loaded, or with `sync` false when its load has begun.
   *
   * @throws {MeshError} `load-failed` with what the last instance said, `no-capacity` with why nobody takes it, `model-not-found`
   */
  async ensure(model: ModelKey, wanted: WantedLoad): Promise<void> {
    const tried = new Set(wanted.exclude);
    let last: MeshError | undefined;
    let failures = 0;
    for (let turn = 0; failures < LOAD_TRIES_MAX && turn < LOAD_TRIES_MAX + COPIES_TRIED_MAX; turn++) {
      const record = this.#record(model);
      if (record === undefined) throw new MeshError('model-not-found', 'model not found');
      const target = this.#targetOf(record, tried, wanted.lastUsedMs);
      if (target.kind === 'none') throw last ?? errorOf(target.error);
      const came = await this.#tryAt(record, target, wanted);
      if (came.kind === 'loaded' || came.kind === 'loading') return;
      last = came.error;
      if (came.kind === 'overtaken') continue;
      tried.add(target.instance);
      if (came.kind === 'failed') failures += 1;
    }
    throw last ?? new MeshError('unavailable', `model ${model} is loaded and unloaded faster than it can be followed; try again`);
  }

  /**
   * Starts so many further copies, one instance asking the next (spec `modelmesh.md` §4.7.6). Nobody waits for them. Answers which instance was
   * chosen for the first; `null`: nobody takes one.
   */
  spread(model: ModelKey, count: number, load: Pick<PeerLoad, 'lastUsedMs' | 'exclude' | 'knownUnits'>): InstanceId | null {
    const record = this.#record(model);
    if (record === undefined || count < 1) return null;
    const { self, members, desk, peers, signal, claims, copies } = this.#parts;
    const exclude = [...new Set([...load.exclude, ...record.copies.keys()])];
    const chosen = desk.place(record, { exclude: new Set(exclude), lastUsedMs: load.lastUsedMs, units: load.knownUnits });
    if (chosen.instance === null) return null;
    if (chosen.instance === self) {
      claims.allowBeside(model, exclude);
      copies.start(record, load.lastUsedMs, load.knownUnits);
      this.spread(model, count - 1, { ...load, exclude: [...exclude, self] });
      return self;
    }
    const address = members.addressOf(chosen.instance);
    if (address === undefined) return null;
    const asked = { model, lastUsedMs: load.lastUsedMs, sync: false, exclude, knownUnits: load.knownUnits };
    const other = chosen.instance;
    const next = (): void => {
      if (!signal.aborted) this.spread(model, count, { ...load, exclude: [...exclude, other] });
    };
    peers.load(address, { ...asked, moreCopies: count - 1 }, signal).then((copy) => {
      if (copy.kind === 'absent') next();
    }, next);
    return other;
  }

  /** Sees to so many copies, as far as instances take them; resolves when they are loaded. @throws {MeshError} as {@link ensure}, if there is none */
  async ensureCopies(model: ModelKey, count: number, lastUsedMs: EpochMs, signal: AbortSignal): Promise<void> {
    await this.ensure(model, { lastUsedMs, sync: true, exclude: [], signal });
    const record = this.#record(model);
    if (record === undefined) return;
    const { self, copies, desk } = this.#parts;
    const holders = new Set<InstanceId>(this.#holders(record, new Set()));
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
      const record = this.#record(model);
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

  /** Loads a copy in that very instance, and waits for the end of it. @throws {MeshError} with what it said */
  async loadAt(
    model: ModelKey,
    instance: InstanceId,
    load: { readonly lastUsedMs: EpochMs; readonly signal: AbortSignal },
  ): Promise<void> {
    const record = this.#record(model);
    if (record === undefined || record.copies.has(instance)) return;
    const wanted = { lastUsedMs: load.lastUsedMs, sync: true, exclude: [...record.copies.keys()], signal: load.signal };
    const came = await this.#tryAt(record, { kind: 'load', instance }, wanted);
    if ('error' in came) throw came.error;
  }

  /** What the holders of copies say of them: the first that answers for sure. `undefined`: nobody could be asked. */
  async askHolders(record: ModelRecord, signal: AbortSignal): Promise<{ at: InstanceId; copy: PeerCopy } | undefined> {
    const { peers, members } = this.#parts;
    for (const at of this.#holders(record, new Set()).slice(0, COPIES_TRIED_MAX)) {
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
    const record = this.#record(model);
    copies.unload(model);
    if (record === undefined) return;
    const asked = this.#holders(record, new Set()).flatMap((at) => {
      const address = members.addressOf(at);
      return address === undefined ? [] : [this.#inTime(signal, (limited) => peers.unload(address, model, limited))];
    });
    const ended = await Promise.allSettled(asked);
    const refused = ended.find((one) => one.status === 'rejected');
    if (refused !== undefined) throw toMeshError(refused.reason);
  }

  #locateAnywhere(question: LocateQuestion, overtaken: number): void {
    const { model, exclude, lastUsedMs } = question;
    const record = this.#record(model);
    if (record === undefined) {
      this.#failed(question, 'nowhere', { kind: 'model-not-found', message: 'model not found', retryAfterMs: null });
      return;
    }
    const target = this.#targetOf(record, new Set(exclude), lastUsedMs);
    if (target.kind === 'none') this.#failed(question, 'nowhere', target.error);
    else if (target.instance !== this.#parts.self)
      this.#answer(question, { kind: 'peer', instance: target.instance, intent: target.kind });
    else this.#waitHere(question, record, () => this.#locateAnywhere(question, overtaken + 1), overtaken);
  }

  #waitHere(question: LocateQuestion, record: ModelRecord, again: () => void, overtaken: number): void {
    const { claims, copies, self } = this.#parts;
    claims.allowBeside(record.key, [...question.exclude, ...this.#uncallable(record)]);
    copies.waits.want(record, 'call', question.lastUsedMs, null, (outcome) => {
      if (outcome.kind === 'serving') {
        this.#answer(question, { kind: 'serving', slot: outcome.slot });
        return;
      }
      if (outcome.kind === 'claim-lost' && overtaken < OVERTAKEN_MAX) {
        again();
        return;
      }
      const elsewhere = this.#targetOf(record, new Set([...question.exclude, self]), question.lastUsedMs).kind !== 'none';
      this.#failed(question, elsewhere ? 'here' : 'nowhere', factsOf(waitError(record.key, outcome)));
    });
  }

  /** For a call that another node sent here: it is not sent on. */
  #locateHere(question: LocateQuestion, intent: 'copy' | 'load'): void {
    const { copies, claims, desk } = this.#parts;
    const record = this.#record(question.model);
    if (record === undefined) {
      // The caller may know of the model before the watch has told this instance.
      this.#freshRecord(question.model).then(
        (fresh) => {
          if (fresh === undefined) this.#notHere(question, 'the model is not registered');
          else this.#locateHere(question, intent);
        },
        (error: unknown) => this.#notHere(question, toMeshError(error).message),
      );
      return;
    }
    if (copies.knowledge(question.model) === 'absent') {
      const refusal = intent === 'copy' ? 'there is no copy here any more' : desk.refusalHere(record);
      if (refusal !== null) {
        // What the registry says of this instance sent the call here; it is put right.
        const registered = this.#parts.view.model(DEFAULT_NAMESPACE, question.model)?.record;
        if (registered?.copies.has(this.#parts.self)) claims.withdraw(question.model, record.lastUsedMs).catch(() => {});
        this.#notHere(question, refusal);
        return;
      }
    }
    claims.allowBeside(record.key, [...question.exclude, ...this.#uncallable(record)]);
    copies.waits.want(record, 'call', question.lastUsedMs, null, (outcome) => {
      if (outcome.kind === 'serving') this.#answer(question, { kind: 'serving', slot: outcome.slot });
      else if (outcome.kind === 'claim-lost') this.#notHere(question, outcome.message);
      else this.#failed(question, 'here', factsOf(waitError(record.key, outcome)));
    });
  }

  /** Where a copy is, or is to be. */
  #targetOf(
    record: ModelRecord,
    tried: ReadonlySet<InstanceId>,
    lastUsedMs: EpochMs,
  ): { kind: 'copy' | 'load'; instance: InstanceId } | { kind: 'none'; error: ErrorFacts } {
    const { self, copies, desk, clock, pulse } = this.#parts;
    if (!tried.has(self) && copies.knowledge(record.key) !== 'absent') return { kind: 'copy', instance: self };
    const [holder] = this.#holders(record, tried);
    if (holder !== undefined) return { kind: 'copy', instance: holder };

    const refusal = pulse.refusal('and a model without a copy is not loaded until it is back');
    if (refusal !== undefined) return { kind: 'none', error: factsOf(refusal) };
    const nowMs = clock.wallMs();
    const failures = [...record.failures.values()].toSorted((a, b) => b.atMs - a.atMs);
    const recent = failures.filter(({ atMs }) => nowMs - atMs < this.#parts.failureExpiryMs / 2);
    if (recent.length >= LOAD_TRIES_MAX) return { kind: 'none', error: loadFailed(recent) };
    const triedCopies = [...record.copies.keys()].filter((id) => tried.has(id)).length;
    if (triedCopies >= COPIES_TRIED_MAX) {
      const message = `Failed to invoke model loaded in >=${COPIES_TRIED_MAX} locations`;
      return { kind: 'none', error: { kind: 'unavailable', message, retryAfterMs: null } };
    }
    const placed = desk.place(record, { exclude: tried, lastUsedMs, units: null });
    if (placed.instance !== null) return { kind: 'load', instance: placed.instance };
    if (failures.length > 0) return { kind: 'none', error: loadFailed(failures) };
    return { kind: 'none', error: { kind: placed.error, message: placed.because, retryAfterMs: null } };
  }

  async #tryAt(record: ModelRecord, target: { kind: 'copy' | 'load'; instance: InstanceId }, wanted: WantedLoad): Promise<Came> {
    const { self, members, peers, claims, copies } = this.#parts;
    const exclude = [...wanted.exclude, ...this.#uncallable(record)];
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

  /** Other instances whose copies can be called, those that stay before those that leave, the oldest copy first. */
  #holders(record: ModelRecord, tried: ReadonlySet<InstanceId>): readonly InstanceId[] {
    const { self, members } = this.#parts;
    const callable = [...record.copies].filter(([id]) => id !== self && !tried.has(id) && members.isReachable(id));
    const leaves = (id: InstanceId): number => (members.cluster.get(id)?.standing === 'leaving' ? 1 : 0);
    return callable.toSorted(([a, aMs], [b, bMs]) => leaves(a) - leaves(b) || aMs - bMs).map(([id]) => id);
  }

  /** Holders whose copies cannot be called: a claim may stand beside theirs. */
  #uncallable(record: ModelRecord): readonly InstanceId[] {
    return [...record.copies.keys()].filter((id) => !this.#parts.members.isReachable(id));
  }

  /** A model as it is registered, with what this instance knows better: its own copy may be gone, and its failure forgotten, before that is written. */
  #record(model: ModelKey): ModelRecord | undefined {
    const { view, copies, self } = this.#parts;
    const record = view.model(DEFAULT_NAMESPACE, model)?.record;
    if (record === undefined) return undefined;
    const held = copies.knowledge(model) === 'absent' ? withCopyWithdrawn(record, self) : record;
    return copies.failure(model) === null ? withoutFailureOf(held, self) : held;
  }

  async #freshRecord(model: ModelKey): Promise<ModelRecord | undefined> {
    const known = this.#record(model);
    if (known !== undefined) return known;
    await this.#parts.fresh(model);
    return this.#record(model);
  }

  /** Asks a peer, for {@link ASK_TIMEOUT_MS} at most. */
  async #inTime<Answer>(signal: AbortSignal, ask: (limited: AbortSignal) => Promise<Answer>): Promise<Answer> {
    const timeout = new AbortController();
    const late = (): void => timeout.abort(new MeshError('deadline-exceeded', 'the peer did not answer'));
    const timer = this.#parts.clock.after(ASK_TIMEOUT_MS, late);
    try {
      return await ask(AbortSignal.any([signal, timeout.signal]));
    } finally {
      timer.cancel();
    }
  }

  #notHere(question: LocateQuestion, message: string): void {
    const record = this.#record(question.model);
    const holder = record === undefined ? undefined : this.#holders(record, new Set(question.exclude))[0];
    this.#answer(question, { kind: 'not-here', message, ...(holder === undefined ? {} : { holder }) });
  }

  #failed(question: LocateQuestion, where: 'here' | 'nowhere', error: ErrorFacts): void {
    this.#answer(question, { kind: 'failed', where, error });
  }

  #answer({ request, model }: LocateQuestion, outcome: Located): void {
    // The link keeps the order: the worker knows the route before it is told that it may go.
    this.#parts.routes.flush();
    this.#parts.link.send({ kind: 'located', request, model, outcome });
  }
}

const factsOf = ({ kind, message, retryAfterMs }: MeshError): ErrorFacts => ({
  kind,
  message,
  retryAfterMs: retryAfterMs ?? null,
});

const errorOf = ({ kind, message, retryAfterMs }: ErrorFacts): MeshError =>
  new MeshError(kind, message, retryAfterMs === null ? {} : { retryAfterMs });

const loadFailed = ([latest]: readonly LoadFailure[]): ErrorFacts => ({
  kind: 'load-failed',
  message: latest?.message ?? 'the model could not be loaded',
  retryAfterMs: null,
});

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
