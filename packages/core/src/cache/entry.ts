/** What the machine keeps about one copy. */

import { type HeapNode, heapNode } from '../indexed-heap.ts';
import type { Bytes, EpochMs, ModelKey, MonotonicMs, SizeUnits } from '../units.ts';
import { sizeUnits } from '../units.ts';
import type { CopyId, CopyState } from './copy-state.ts';
import type { CopyPolicy, RequestEvent } from './event.ts';
import type { RankedCopy } from './policy/index.ts';

type OnTheWayOut = 'draining' | 'settling' | 'unloading' | 'unload-retry';
/** States of a copy that is wanted. */
export type LiveState = Exclude<CopyState, { readonly kind: OnTheWayOut }>;
/** States of a copy that leaves. */
export type LeavingState = Extract<CopyState, { readonly kind: OnTheWayOut }>;

/** Where a copy stands among the victims. */
type Standing = 'none' | 'ordinary' | 'last-resort' | 'pinned';

/** A copy that is wanted: at most one per model. */
export class Entry implements RankedCopy {
  readonly model: ModelKey;
  readonly artifact: string;
  copy: CopyId;
  state: LiveState;
  /** Booked in the unload buffer; 0 while nothing is booked. */
  units: SizeUnits = sizeUnits(0);
  policy: CopyPolicy;
  /** The last use that was read last; the true one may be later, never earlier. */
  lastUsedMs: EpochMs;
  /** Calls that were counted when it was read last. */
  calls = 0;
  /** Its place among the victims; the key is the rank that the policy gave for what was read last. */
  readonly place: HeapNode<Entry>;
  /** Its place in the load queue, which alone knows what its key means. */
  readonly turn: HeapNode<Entry>;
  /** To be booked when its turn comes. */
  wantedUnits: SizeUnits = sizeUnits(0);
  standing: Standing = 'none';
  /** Wanted for this instant and not for an earlier one: it is booked as used when it is booked, however long its size took to find. */
  readonly wantedNow: boolean;
  /** Nothing may be pushed out for it: only shadows want it. */
  onlyFreeRoom: boolean;
  /** The decision to hold it back was written down. */
  holdTold = false;
  /** Somebody waits to be woken. */
  waited = true;
  /** A call waits, so that this copy is a victim of last resort until it serves; the first one came at `calledMs`. */
  awaited: boolean;
  calledMs: MonotonicMs;
  /** The claim was written out, and has been confirmed. */
  claimOpen = false;
  claimed = false;
  readonly declaredUnits: SizeUnits | null;
  readonly knownUnits: SizeUnits | null;
  /** What the runtime said; undefined: not asked yet. */
  predicted: Bytes | null | undefined = undefined;
  /** How often the runtime died while it loaded this model. */
  crashes = 0;
  timer: number | null = null;

  constructor(
    request: RequestEvent,
    copy: CopyId,
    state: Extract<LiveState, { readonly kind: 'queued' }>,
    lastUsedMs: EpochMs,
    wantedNow: boolean,
  ) {
    this.model = request.model;
    this.artifact = request.artifact;
    this.copy = copy;
    this.state = state;
    this.policy = request.policy;
    this.awaited = request.urgency === 'call';
    this.declaredUnits = request.declaredUnits;
    this.knownUnits = request.knownUnits;
    this.wantedNow = wantedNow;
    this.onlyFreeRoom = request.onlyFreeRoom === true;
    this.lastUsedMs = lastUsedMs;
    this.place = heapNode(this, 0, copy);
    this.calledMs = state.sinceMs;
    this.turn = heapNode(this, 0, copy);
  }

  get isFailure(): boolean {
    return this.state.kind === 'failed';
  }
}

/** A copy on its way out: at most one per model, because a newer copy loads only after it is gone. */
export interface Leaving {
  readonly model: ModelKey;
  readonly copy: CopyId;
  readonly units: SizeUnits;
  readonly lastUsedMs: EpochMs;
  state: LeavingState;
  timer: number | null;
}
