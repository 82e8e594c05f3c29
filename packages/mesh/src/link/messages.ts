/**
 * What control and the data plane say to each other. Every message is structured-cloneable, so that the two may live on one thread or
 * on many; nothing else passes between them but the shared counters.
 */
import type { DurationMs, EndpointId, EpochMs, InstanceId, MeshErrorKind, ModelKey } from '@modelmesh/core';
import type { EndpointPolicy, SlotAssignment, SlotRun } from '@modelmesh/core/records';
import type { ScoredCopy } from '@modelmesh/core/routing';
import type { MirrorDiff, PickReason } from '@modelmesh/core/traffic';
import type { ConnectTarget } from '@modelmesh/grpc/stream';

/** A place in the shared counters that one copy holds for one life. A reused index has a new generation. */
export interface SlotRef {
  readonly index: number;
  readonly generation: number;
}

/** A copy at another instance that can be called, loaded or still loading. A claim may be stale: that costs one hop. */
export interface RemoteCopy {
  readonly instance: InstanceId;
  /** When its load was claimed; tells a settled copy from one that is probably still loading. */
  readonly sinceMs: EpochMs;
}

/** Another instance that calls can be sent to. */
export interface PeerRoute {
  readonly instance: InstanceId;
  /** The life of the instance that the address belongs to; `null` where it does not say. */
  readonly incarnation: string | null;
  /** `host:port` of its peer port. */
  readonly address: string;
  /** It is about to leave: called only where no other copy can be. */
  readonly draining: boolean;
}

/** What the data plane must know of one registered model. */
export interface ModelRoute {
  readonly key: ModelKey;
  readonly family: string | null;
  readonly version: string | null;
  /** The copy on this instance that may be called; whether it still may is in the counters. */
  readonly local: SlotRef | null;
  /** Calls that the runtime runs at a time in the copy here; left out where it sets no limit. */
  readonly concurrency?: number;
  /** Copies that others claim, oldest claim first. Only those at an instance that the table knows as a peer can be called. */
  readonly remote: readonly RemoteCopy[];
  /** A copy elsewhere that was claimed longer ago than this is taken for loaded, by what loads of its type took here; left out: nothing was measured. */
  readonly settledAfterMs?: DurationMs;
  readonly retry: 'safe' | 'never';
  /** Every load of it failed lately and no copy is anywhere: until then a variant with this model cannot be called. Left out: it can. */
  readonly failingUntilMs?: EpochMs;
}

/** What a worker compiles the policy of an endpoint from. */
export interface PolicyRoute {
  /** While the default variant's model is being replaced, the one that still answers stands in it. */
  readonly policy: EndpointPolicy;
  readonly slots: SlotAssignment;
  /** Slots of the main split as a strategy set them last; `null`: those of the policy. */
  readonly published: readonly SlotRun[] | null;
}

/** The endpoint through which a call entered the mesh, and what was chosen for it there. */
export interface ChosenEndpoint {
  readonly id: EndpointId;
  readonly revision: number;
  readonly variant: string;
}

/** Where the calls of an endpoint go. */
export interface EndpointRoute extends ChosenEndpoint {
  /** Revision of the policy; of an endpoint that has none, of its record. Grows with every change. */
  readonly revision: number;
  /** The default variant. */
  readonly variant: string;
  /** The model of the default variant. */
  readonly model: ModelKey;
  /** `null`: a vmodel, whose only variant is the default one. */
  readonly policy: PolicyRoute | null;
  /** Versions of the family of the same name that callers may name after the endpoint's name; left out: all. */
  readonly versions?: readonly string[];
  /** Called once instead, when `model` is not registered any more: the target of a transition under way (spec `modelmesh.md` §5.5). */
  readonly successor: ModelKey | null;
}

/** The newest servable version of a family. */
export interface FamilyRoute {
  readonly family: string;
  readonly newest: ModelKey;
}

/** A part of the route table. */
export interface RouteParts {
  readonly models: readonly ModelRoute[];
  readonly endpoints: readonly EndpointRoute[];
  readonly families: readonly FamilyRoute[];
  readonly peers: readonly PeerRoute[];
}

/** Names of route table entries that are gone. */
export interface RouteRemovals {
  readonly models: readonly ModelKey[];
  readonly endpoints: readonly EndpointId[];
  readonly families: readonly string[];
  readonly peers: readonly InstanceId[];
}

/** A {@link MeshErrorKind} with its sentence, as it crosses threads. */
export interface ErrorFacts {
  readonly kind: MeshErrorKind;
  readonly message: string;
  readonly retryAfterMs: DurationMs | null;
}

/** The answer to a `locate`. */
export type Located =
  | { readonly kind: 'serving'; readonly slot: SlotRef }
  /** Send the call there. `copy`: a copy is claimed there, loaded or loading. `load`: it shall load one for this call. */
  | { readonly kind: 'peer'; readonly instance: InstanceId; readonly intent: PeerIntent }
  /** This instance has no copy and will not get one for this call; only where `ask` was `here`. `holder`: who has one, if known. */
  | { readonly kind: 'not-here'; readonly message: string; readonly holder?: InstanceId }
  /** `here`: this instance could not load it, others may. `nowhere`: control has tried what there was to try. */
  | { readonly kind: 'failed'; readonly where: 'here' | 'nowhere'; readonly error: ErrorFacts };

/** What a call that arrives at a peer may set off there: nothing but a wait for a copy that is claimed, or a load. */
export type PeerIntent = 'copy' | 'load';

/**
 * Where a copy may be looked for. `anywhere`: a call that entered the mesh here. `here`: a call that another node sent here, with what it
 * may set off; it is never sent on.
 */
export type LocateAsk =
  | { readonly kind: 'anywhere' }
  | { readonly kind: 'here'; readonly intent: PeerIntent }
  /**
   * A call that nobody waits for: a copy that is there, or one that is loaded into memory that is free; no use of the model. `here`: another node
   * sent it, and it is never sent on.
   */
  | { readonly kind: 'shadow'; readonly here: PeerIntent | null };

/** Where and how inference calls reach the runtime. */
export interface RuntimeAccess {
  /** Grows with every life of the runtime. */
  readonly epoch: number;
  readonly target: ConnectTarget;
  /** Full method (`package.Service/Method`) to the field path at which the model's key is injected; empty: allowed, no injection. */
  readonly methods: ReadonlyMap<string, readonly number[]>;
  /** Whether methods that `methods` does not list are allowed too. */
  readonly anyMethod: boolean;
}

/** Where the data plane finds the model of a call; ModelMesh's data-plane configuration (spec `modelmesh.md` §6.2). */
export interface MethodRule {
  readonly idPath: readonly number[];
  /** What an id found in the payload names. `name`: an OIP name, resolved as endpoint, key, then family. */
  readonly names: 'model' | 'endpoint' | 'name';
  /** Where the version of an OIP name stands, if the method has one. */
  readonly versionPath: readonly number[] | null;
  /**
   * Whether ids in headers win over the payload's. True for the built-in rules, so that a client that says `mm-model-id` need not fill the
   * message's own field; false for configured ones (spec `modelmesh.md` §2.1).
   */
  readonly headersFirst: boolean;
}

/** The whole data-plane configuration, replaced at once. */
export interface MethodRules {
  readonly rules: ReadonlyMap<string, MethodRule>;
  readonly allowOthers: boolean;
}

/** Control → data plane. */
export type ToDataPlane =
  | {
      readonly kind: 'route-snapshot';
      readonly epoch: number;
      readonly version: number;
      readonly last: boolean;
      readonly parts: RouteParts;
    }
  | {
      readonly kind: 'route-delta';
      readonly epoch: number;
      readonly from: number;
      readonly to: number;
      readonly put: RouteParts;
      readonly remove: RouteRemovals;
    }
  | { readonly kind: 'located'; readonly request: number; readonly model: ModelKey; readonly outcome: Located }
  /** The registry itself was asked for the names; what it knows of them has gone into the route table before. */
  | { readonly kind: 'looked-up'; readonly request: number }
  | { readonly kind: 'runtime-up'; readonly access: RuntimeAccess }
  | { readonly kind: 'runtime-down'; readonly restarting: boolean; readonly message: string }
  | { readonly kind: 'method-rules'; readonly rules: MethodRules }
  /**
   * Since when this node may run policies that are in force no more, because it does not hear the registry; `null`: it hears it. Answers through
   * an endpoint say so meanwhile.
   */
  | { readonly kind: 'policy-freshness'; readonly staleSinceMs: EpochMs | null }
  /** Somebody asks which copies were chosen for the last calls; at most `limit` of those that fit are told. */
  | { readonly kind: 'explain'; readonly request: number; readonly query: ChoiceQuery; readonly limit: number }
  /** Somebody asks how the answers of an endpoint's shadows compare. */
  | { readonly kind: 'diff'; readonly request: number; readonly endpoint: EndpointId };

/** An instance that was asked to load a model and did not. `sinceMs`: when it had claimed a copy, as was known then; `null`: it had not. */
export interface RefusedLoad {
  readonly instance: InstanceId;
  readonly sinceMs: EpochMs | null;
}

/** Data plane → control. */
export type ToControl =
  /** Coalesced: one per model, `ask` and `exclude` is under way at a time, whatever number of calls wait. */
  | {
      readonly kind: 'locate';
      /** Named again in the answer; unique within one worker. */
      readonly request: number;
      readonly model: ModelKey;
      readonly lastUsedMs: EpochMs;
      readonly ask: LocateAsk;
      /** Instances that were tried for this call and are not to be tried again. */
      readonly exclude: readonly InstanceId[];
      /** Those of them that were asked to load the model and did not: one that has claimed it since is called all the same. */
      readonly refused?: readonly RefusedLoad[];
    }
  /** Names of models or endpoints that the table does not know: another node may have registered them just now. */
  | { readonly kind: 'look-up'; readonly request: number; readonly names: readonly string[] }
  /** A peer stopped answering, or answers again. Of the life that it names; older news counts for nothing. */
  | {
      readonly kind: 'peer-state';
      readonly instance: InstanceId;
      readonly incarnation: string | null;
      readonly reachable: boolean;
    }
  /** The last call left a copy that drains. */
  | { readonly kind: 'drained'; readonly slot: SlotRef }
  /** The runtime said that it does not have a model that we routed to it. */
  | { readonly kind: 'not-in-runtime'; readonly model: ModelKey; readonly slot: SlotRef }
  | { readonly kind: 'snapshot-wanted' }
  | { readonly kind: 'ack'; readonly epoch: number; readonly version: number }
  /** A call that failed or was repeated, for the record. */
  | { readonly kind: 'call-ended'; readonly record: CallRecord }
  /** What came of calls of endpoints whose strategy learns, since the last such message. */
  | { readonly kind: 'arms'; readonly counts: readonly ArmCount[] }
  /** The answer to `explain`, newest choice first. */
  | { readonly kind: 'explained'; readonly request: number; readonly choices: readonly CallChoice[] }
  /** The answer to `diff`. */
  | { readonly kind: 'diffed'; readonly request: number; readonly diffs: readonly MirrorDiff[] };

/** What the policy of an endpoint chose for a call. */
export interface ChosenPick {
  readonly revision: number;
  readonly variant: string;
  readonly reason: PickReason;
  /** Whose copy answered, or was asked last; `null`: nobody's. */
  readonly instance: InstanceId | null;
}

/** Calls of one variant that ended, as strategies count them. */
export interface ArmCount {
  readonly id: EndpointId;
  /** Of the policy under which they were chosen for. */
  readonly revision: number;
  readonly variant: string;
  readonly calls: number;
  readonly rewards: number;
}

/** Why a call went as it did. */
export interface CallRecord {
  readonly atMs: EpochMs;
  readonly requestId: string | null;
  readonly method: string;
  readonly model: ModelKey | null;
  readonly endpoint: EndpointId | null;
  /** What the policy of the endpoint chose; left out where none did. */
  readonly pick?: ChosenPick;
  readonly outcome: string;
  readonly attempts: readonly string[];
}

/** Which choices are asked for; `null`: of any model, of any call. */
export interface ChoiceQuery {
  readonly model: ModelKey | null;
  readonly requestId: string | null;
}

/** A call that was answered at once, by a copy that was chosen among several or for an endpoint with a policy: facts alone, which control puts into words for whoever asks. */
export interface CallChoice {
  /** Grows by one with each choice of the worker. */
  readonly number: number;
  readonly atMs: EpochMs;
  readonly requestId: string | null;
  readonly method: string;
  readonly model: ModelKey;
  readonly endpoint: EndpointId | null;
  /** What the policy of the endpoint chose; left out where none did. */
  readonly pick?: ChosenPick;
  readonly because: string;
  /** The copies that were compared, the chosen one first. */
  readonly considered: readonly ScoredCopy[];
}

/** Control's end of the link. */
export interface ControlEnd {
  send(message: ToDataPlane): void;
  onMessage: (message: ToControl) => void;
}

/** The data plane's end of the link. */
export interface DataPlaneEnd {
  send(message: ToControl): void;
  onMessage: (message: ToDataPlane) => void;
}
