/** What every call of one worker shares. */
import type { Clock, DurationMs, EndpointId, InstanceId, ModelKey } from '@modelmesh/core';
import type { PairStatus, ShadowDrop } from '@modelmesh/core/traffic';
import type { TimerWheel } from '@modelmesh/grpc/timer-wheel';
import type { HeaderReader } from '@modelmesh/wire/headers';
import type { CallRecord, DataPlaneEnd, MethodRules, SlotCounters } from '../../link/index.ts';
import type { TokenVault } from '../../tokens/index.ts';
import type { PeerLinks } from '../peers/index.ts';
import type { VariantPicker, VariantSink } from '../picking/index.ts';
import type { RouteTable } from '../routes/index.ts';
import type { ArmCounts } from './arm-counts.ts';
import type { AttemptOutcome } from './attempt.ts';
import type { CallLog, CallPlan } from './call-plan.ts';
import type { CopyChooser } from './copy-chooser.ts';
import type { TurnGates } from './copy-gates.ts';
import type { LastChoices } from './last-choices.ts';
import type { Locator } from './locator.ts';
import type { NameLookups } from './name-lookups.ts';
import type { ByteBudget } from './request-body.ts';
import type { RetryBudgets } from './retry-budgets.ts';
import type { RewriteRoom } from './rewrite-room.ts';
import type { RuntimeGate } from './runtime-gate.ts';

/** Facts of one finished call, for metrics. */
export interface CallFacts {
  /** Full method, `package.Service/Method`. */
  readonly method: string;
  /** gRPC code that the caller saw. */
  readonly code: number;
  readonly durationMs: DurationMs;
  readonly requestBytes: number;
  readonly responseBytes: number;
  readonly model: ModelKey | null;
  readonly endpoint: EndpointId | null;
  /** Of the request, for the log. */
  readonly headers: HeaderReader;
}

/** Where the data plane's measurements go. Called once a call or attempt, never once a frame. */
export interface CallMetrics {
  call(facts: CallFacts): void;
  /** One attempt against the local runtime. */
  attempt(method: string, code: number, durationMs: DurationMs, model: ModelKey, log?: CallLog): void;
  /** One attempt at another node. */
  forwarded?(outcome: AttemptOutcome): void;
  /** Where calls of a variant are measured. */
  variant?(endpoint: EndpointId, variant: string): VariantSink;
  /** A call waited for a load. */
  cacheMiss(waitedMs: DurationMs, model: ModelKey): void;
  /** A call waited for its turn at a copy whose concurrency is limited. */
  queued?(waitedMs: DurationMs, model: ModelKey): void;
  /** A shadow is over, or was none. */
  shadow?(facts: ShadowFacts): void;
  /** What of the headers is to be logged wherever the call goes; `null`, or without this method: nothing. */
  loggedFields?(headers: HeaderReader): CallLog['fields'] | null;
}

/** What became of one call that a shadow was to get. */
export interface ShadowFacts {
  readonly endpoint: EndpointId;
  /** Name of the variant that is the shadow. */
  readonly mirror: string;
  readonly outcome: ShadowOutcome;
}

/** How a pair compares, how one of its calls failed, or why there is no pair. */
export type ShadowOutcome =
  | 'equal'
  | 'differs'
  | 'flip'
  | 'incomparable'
  | Exclude<PairStatus, 'both-ok'>
  | `dropped-${ShadowDrop}`;

/** Takes a copy of one call and of its answer, for its shadows. Bytes are copied, and may be sent on at once. */
export interface CallRecording {
  request(bytes: Uint8Array): void;
  answerHeaders(headers: HeaderReader): void;
  answer(bytes: Uint8Array): void;
  /** The call is over, with that gRPC code. */
  ended(code: number): void;
  /** The caller went away. */
  cancelled(): void;
}

/** Has calls repeated at their shadows. */
export interface ShadowTap {
  /** `undefined`: the call has no shadow. */
  record(plan: CallPlan): CallRecording | undefined;
}

/** Bounds of calls. */
export interface CallLimits {
  readonly messageBytesMax: number;
  readonly replayBytesPerCallMax: number;
  readonly inflateRatioMax: number;
  /** Models of one call for several that are asked at the same time. */
  readonly multiParallelism: number;
  /** Calls that may run and wait at one copy whose concurrency is limited; left out or `null`: by its concurrency. */
  readonly turnsPerCopyMax?: number | null;
}

/** The shared parts of one data plane worker. */
export interface Plane {
  readonly worker: number;
  readonly instance: InstanceId;
  readonly clock: Clock;
  /** One coarse timer for all deadlines. */
  readonly deadlines: TimerWheel;
  readonly counters: SlotCounters;
  readonly routes: RouteTable;
  /** Chooses among the variants of endpoints. */
  readonly picker: VariantPicker;
  /** Whether answers must say that the policies of this node may be outdated, and how; `null`: they are not. */
  stalePolicy: string | null;
  readonly locator: Locator;
  readonly names: NameLookups;
  readonly runtime: RuntimeGate;
  /** The ways to other nodes; `null`: this node is alone. */
  readonly peers: PeerLinks | null;
  readonly copies: CopyChooser;
  /** Turns at copies whose runtime limits their concurrency. */
  readonly gates: TurnGates;
  /** Requests that may be sent again. */
  readonly replay: ByteBudget;
  /** Requests that are held until the model in them is known and they move on. */
  readonly opening: ByteBudget;
  readonly rewriteRoom: RewriteRoom;
  readonly link: DataPlaneEnd;
  /** Replaced whole when the configuration changes. */
  limits: CallLimits;
  readonly metrics: CallMetrics;
  /** What strategies learn from: told of each call that entered the mesh here. */
  readonly arms: ArmCounts;
  readonly tokens: TokenVault;
  /** What a call ends with whose attempts came to nothing: `unavailable`, or `internal` as in ModelMesh. */
  readonly exhaustedKind: 'unavailable' | 'internal';
  readonly retryBudgets: RetryBudgets;
  /** Replaced whole when the data-plane configuration changes. */
  methodRules: MethodRules;
  /** Which copies the last calls were sent to. */
  readonly choices: LastChoices;
  /** Has calls repeated at their shadows; `null`: it does not. */
  shadows: ShadowTap | null;
  /** Keeps the record of a call that failed or was repeated. */
  readonly record: (record: CallRecord) => void;
}
