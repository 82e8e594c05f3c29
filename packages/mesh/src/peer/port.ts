/**
 * What the control of one node asks of the control of another. Inference does not pass here: the data plane opens its own connections to the
 * peers that the route table names.
 */
import type { DurationMs, EndpointId, EpochMs, InstanceId, ModelKey, SizeUnits } from '@modelmesh/core';
import type { DecisionQuery, DecisionRecord } from '@modelmesh/core/journal';
import type { LoadFailure } from '@modelmesh/core/records';
import type { MirrorDiff } from '@modelmesh/core/traffic';

/** Where one life of another instance is reached; from its record. */
export interface PeerAddress {
  readonly instance: InstanceId;
  /** `null` where the record does not say: any life will do. */
  readonly incarnation: string | null;
  /** `host:port`. */
  readonly address: string;
}

/** Asks an instance to load a copy, and to see to more copies elsewhere when it has accepted (spec `modelmesh.md` §4.7.6). */
export interface PeerLoad {
  readonly model: ModelKey;
  /** Last use that the copy starts with; may lie in the future to prefer quiet instances. */
  readonly lastUsedMs: EpochMs;
  /** Waits for the end of the load. */
  readonly sync: boolean;
  /** Instances that are not to be chosen for the further copies. */
  readonly exclude: readonly InstanceId[];
  /** What a copy is known to weigh; `null`: unknown. */
  readonly knownUnits: SizeUnits | null;
  /** Further copies that the instance is to start elsewhere. */
  readonly moreCopies: number;
}

/** What became of a copy at an instance, as far as that instance knows. */
export type PeerCopy =
  | { readonly kind: 'loaded' }
  | { readonly kind: 'loading' }
  | { readonly kind: 'failed'; readonly failure: LoadFailure }
  /** It has none; `message` says why it does not take one where it was asked to. */
  | { readonly kind: 'absent'; readonly message: string };

/** What a node says of itself when two meet. */
export interface PeerHello {
  /** Versions of the protocol between nodes that it speaks, both ends included. */
  readonly protocol: { readonly min: number; readonly max: number };
  /** Registry prefix and service name: nodes of another mesh are refused. */
  readonly cluster: string;
  readonly instance: InstanceId;
  readonly incarnation: string;
  readonly features: readonly string[];
  /** Its wall clock, to measure skew by; never compared for decisions. */
  readonly wallMs: EpochMs;
}

/** A peer as hello showed it. */
export interface MetPeer {
  readonly hello: PeerHello;
  /** The highest version that both speak. */
  readonly protocol: number;
  /** Its wall clock minus ours, give or take half of the round trip. */
  readonly skewMs: number;
  readonly roundTripMs: DurationMs;
}

/**
 * The way to other nodes' control. Methods reject with a `MeshError`: `unavailable` when the peer cannot be reached or is not the life that the
 * address names, `failed-precondition` when it speaks no common version or belongs to another mesh, `deadline-exceeded`, `cancelled`.
 */
export interface Peers {
  /** Meets the peer, or meets it again. */
  hello(peer: PeerAddress, signal: AbortSignal): Promise<MetPeer>;
  load(peer: PeerAddress, load: PeerLoad, signal: AbortSignal): Promise<PeerCopy>;
  /** Never loads, and is no use of the model. */
  copy(peer: PeerAddress, model: ModelKey, signal: AbortSignal): Promise<PeerCopy>;
  /** Drops the copy; one that is not there is no error. */
  unload(peer: PeerAddress, model: ModelKey, signal: AbortSignal): Promise<void>;
  /** Decisions that the peer keeps, newest first, as many as an answer holds. */
  explain(peer: PeerAddress, query: DecisionQuery, signal: AbortSignal): Promise<readonly DecisionRecord[]>;
  /** How the answers of an endpoint's shadows compare, as far as the peer saw them. */
  diff(peer: PeerAddress, endpoint: EndpointId, signal: AbortSignal): Promise<readonly MirrorDiff[]>;
  /** Ends all connections. */
  close(): void;
}

/** What a node answers when other nodes ask; the other end of {@link Peers}. */
export interface PeerService {
  readonly self: Omit<PeerHello, 'wallMs'>;
  load(from: InstanceId, load: PeerLoad, signal: AbortSignal): Promise<PeerCopy>;
  copy(from: InstanceId, model: ModelKey): PeerCopy;
  unload(from: InstanceId, model: ModelKey): void;
  explain(query: DecisionQuery, signal: AbortSignal): Promise<readonly DecisionRecord[]>;
  diff(endpoint: EndpointId, signal: AbortSignal): Promise<readonly MirrorDiff[]>;
}
