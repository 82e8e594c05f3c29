/**
 * The configuration that code runs on: complete, checked and frozen. What users write (YAML, environment, flags) is parsed into it once, by
 * `parse-config.ts`; nothing else reads those sources.
 */
import { type Bytes, type DurationMs, durationMs, type InstanceId, type SizeUnits } from '@modelmesh/core';
import type { CachePolicyName } from '@modelmesh/core/cache';
import type { ScalingConfig } from '@modelmesh/core/scaling';
import type { ConnectTarget } from '@modelmesh/grpc/stream';

/** A time that nothing waits for: the longest that Node's timers can wait, 24.8 days. */
export const NO_TIMEOUT_MS: DurationMs = durationMs(2 ** 31 - 1);

/** A bound that nothing reaches. */
export const NO_LIMIT: number = Number.MAX_SAFE_INTEGER;

/** What a listener serves. One port may hold all three. */
export type ListenerRole = 'inference' | 'management' | 'admin';

/** One listening socket that speaks gRPC and REST. */
export interface ListenerConfig {
  readonly roles: ReadonlySet<ListenerRole>;
  readonly host: string;
  /** 0: any free port. */
  readonly port: number;
  /** Listens on this unix socket instead of on host and port. */
  readonly socketPath?: string;
  readonly tls: boolean;
}

/** One plain HTTP/1.1 listener of an operator's tool: probes, pre-stop hook or metrics. `null` where it is switched off. */
export interface AdminListenerConfig {
  readonly host: string;
  readonly port: number;
}

/** TLS of the listeners (spec `modelmesh.md` §6.7). Files are watched and replaced without restart. */
export interface TlsConfig {
  readonly certPath: string;
  readonly keyPath: string;
  readonly keyPassphrase: string | null;
  readonly clientAuth: 'none' | 'optional' | 'require';
  /** Files or folders of PEM certificates; empty: the system's. */
  readonly trustPaths: readonly string[];
}

/** The port between nodes (spec `modelmesh.md` §2.7, §6.7). */
export interface PeerConfig {
  readonly host: string;
  /** 0: any free port. */
  readonly port: number;
  /** Host name or address that other nodes reach this one by. */
  readonly address: string;
  /** `null`: nodes speak with each other in the clear. `clientAuth` is `require` or `none`; `trustPaths` is never empty. */
  readonly tls: TlsConfig | null;
}

/** One member of an etcd cluster, as it is written. */
export interface EtcdAddress {
  readonly scheme: 'http' | 'https';
  readonly host: string;
  readonly port: number;
}

/** Which etcd, in settings of the node. */
export interface EtcdSettings {
  readonly endpoints: readonly EtcdAddress[];
  /** Before every key. */
  readonly rootPrefix: string;
  readonly caPath: string | null;
  readonly certPath: string | null;
  readonly keyPath: string | null;
  readonly user: string | null;
  readonly passwordFile: string | null;
  /** The host that requests name. */
  readonly authority: string | null;
}

/** Where records live. */
export type RegistryConfig =
  | { readonly kind: 'memory' }
  | { readonly kind: 'sqlite'; readonly path: string }
  /** `file`: ModelMesh's JSON, which says everything. */
  | { readonly kind: 'etcd'; readonly from: { readonly file: string } | { readonly settings: EtcdSettings } };

/** Bounds of the embedded runtime. */
export interface EmbeddedLimits {
  /** `null`: two more than there are workers. */
  readonly workersMax: number | null;
  readonly defaultModelBytes: Bytes;
  readonly loadingConcurrency: number;
  readonly loadTimeoutMs: DurationMs;
  /** Requests that wait for one worker, and their bytes. */
  readonly runsQueuedMax: number;
  readonly runBytesQueuedMax: Bytes;
  /** Open calls on one connection. */
  readonly streamsMax: number;
  /** Files that were fetched and are kept. */
  readonly cacheBytes: Bytes;
  readonly downloadBytesMax: Bytes;
  readonly downloadSilenceMs: DurationMs;
  readonly stopGraceMs: DurationMs;
}

/** The runtime beside this node. */
export type RuntimeConfig =
  | {
      readonly kind: 'embedded';
      /** Which server of the runtime package the child runs, for instance `onnx`. */
      readonly server: string;
      readonly socketPath: string;
      /** `null`: a share of the machine's memory, decided by the runtime. */
      readonly capacityBytes: Bytes | null;
      readonly workers: number | null;
      /** Folder against which relative model paths are read; `null`: absolute paths and URLs only. */
      readonly storageRoot: string | null;
      readonly cacheDir: string;
      readonly limits: EmbeddedLimits;
    }
  | {
      readonly kind: 'external';
      /** Asked in turn until one is READY. */
      readonly management: readonly ConnectTarget[];
      /** `null`: the same as management. */
      readonly inference: ConnectTarget | null;
    };

/** Prometheus (spec `modelmesh.md` §6.5). */
export interface MetricsConfig {
  readonly listener: AdminListenerConfig;
  readonly scheme: 'http' | 'https';
  /** Whether the method label is `package.Service/Method` instead of `Method`. */
  readonly fullMethodNames: boolean;
  readonly perModel: boolean;
  /** Models with series of their own at a time; the rest is counted as `other`. */
  readonly modelsMax: number;
  /** Pairs of endpoint and variant with series of their own in a worker. */
  readonly variantsMax: number;
  /** CPU, memory and event loop of this process. */
  readonly processMetrics: boolean;
  readonly logScrapes: boolean;
  /** A gauge that is always 1 and says something by its labels (`MM_INFO_METRICS`). */
  readonly info: { readonly name: string; readonly labels: ReadonlyMap<string, string> } | null;
}

/** StatsD over UDP (spec `modelmesh.md` §6.5). */
export interface StatsDConfig {
  readonly host: string;
  readonly port: number;
  /** ModelMesh's older names, without tags. */
  readonly legacy: boolean;
}

/** Which web pages may ask (CORS). */
export interface CorsConfig {
  /** Lower case; `*` stands for any. Empty: no page from elsewhere. */
  readonly origins: readonly string[];
  /** Headers besides those that the node knows that pages may send, `*` for any, and read. */
  readonly requestHeaders: readonly string[];
  readonly answerHeaders: readonly string[];
  readonly maxAgeMs: DurationMs;
  /** Never with the origin `*`. */
  readonly credentials: boolean;
}

/** Everything that is bounded, by name. */
export interface LimitsConfig {
  readonly messageBytesMax: Bytes;
  readonly headerListBytesMax: Bytes;
  readonly streamsPerConnectionMax: number;
  /** Flow control of HTTP/2. */
  readonly streamWindowBytes: Bytes;
  readonly streamWindowBytesMax: Bytes;
  readonly connectionWindowBytes: Bytes;
  readonly connectionsMax: number;
  /** A connection is drained at this age, and ended `connectionAgeGraceMs` later; `null`: never. */
  readonly connectionAgeMaxMs: DurationMs | null;
  readonly connectionAgeGraceMs: DurationMs | null;
  /** Bytes of one request that may be kept for sending it again. */
  readonly replayBytesPerCallMax: Bytes;
  readonly replayBytesMax: Bytes;
  /** Calls that wait for one model, and for all models, to be loaded. */
  readonly waitingCallsPerModelMax: number;
  readonly waitingCallsMax: number;
  /** What one worker does for shadows at most. */
  readonly shadows: {
    readonly callBytesMax: Bytes;
    readonly bytesMax: Bytes;
    readonly queuedMax: number;
    readonly concurrencyMax: number;
    readonly timeoutMs: DurationMs;
  };
  /** Calls that wait for a free stream to the runtime. */
  readonly runtimeQueueMax: number;
  /** Requests whose model is not known yet, over all calls; and again as much for messages that are rewritten. */
  readonly openingBytesMax: Bytes;
  readonly restBodyBytesMax: Bytes;
  /** Bodies and answers of REST that are held at the same time. */
  readonly restBodiesBytesMax: Bytes;
  /** Announced bytes of large bodies that are read or answered at the same time. */
  readonly restLargeBodiesBytesMax: Bytes;
  readonly decompressionRatioMax: number;
  /** Models of one call for several that are asked at the same time. */
  readonly multiModelParallelism: number;
  /** Deadline of a unary call that brings none; {@link NO_TIMEOUT_MS} stands for none. */
  readonly unaryTimeoutMs: DurationMs;
  readonly loadQueueMax: number;
  readonly copiesMax: number;
  /** Calls that may run and wait at one copy whose concurrency is limited; `null`: by its concurrency; {@link NO_LIMIT}: as many as come. */
  readonly turnsPerCopyMax: number | null;
}

/** Tokens of sticky endpoints. */
export interface TokensConfig {
  /** `named`: a file or folder that is there. `own`: a file that the node makes, since no other node shares its registry. `none`: tokens cannot be given. */
  readonly keys: { readonly kind: 'named' | 'own'; readonly path: string } | { readonly kind: 'none' };
  /** Verified tokens that a worker remembers. */
  readonly rememberedMax: number;
}

/** Strategies of endpoints. */
export interface StrategiesConfig {
  /** How often strategies that learn look at what came of calls. */
  readonly periodMs: DurationMs;
  /** How long a request waits for a strategy of a plug-in, and what its answer may take. */
  readonly pickWaitMaxMs: DurationMs;
  readonly pickBudgetMs: DurationMs;
  /** How long a strategy of a plug-in may take to set weights. */
  readonly weightsWaitMaxMs: DurationMs;
}

/** How the cache behaves beside what the runtime says of itself. */
export interface CacheConfig {
  readonly policy: CachePolicyName;
  readonly loadFailureExpiryMs: DurationMs;
  /** `null`: by the formula of spec §4.1. */
  readonly unloadReserveUnits: SizeUnits | null;
  readonly drainGraceMs: DurationMs;
  /** A load that finds no space in this time is given up. */
  readonly spaceWaitMs: DurationMs;
  /** 0 switches the protection against churn off. */
  readonly minChurnAgeMs: DurationMs;
  /** What the runtime may hold beyond what is booked. */
  readonly leakMaxUnits: SizeUnits;
}

/** Where methods and the ids in their payloads come from (spec `modelmesh.md` §6.2). */
export type DataPlaneRulesConfig =
  /** Nothing set: the Open Inference Protocol's names are found, every other method is routed by headers. */
  | { readonly kind: 'default' }
  | { readonly kind: 'inline'; readonly json: string }
  | { readonly kind: 'file'; readonly path: string };

/** Where type constraints come from (spec `modelmesh.md` §6.1). */
export type TypeConstraintsConfig =
  | { readonly kind: 'none' }
  | { readonly kind: 'inline'; readonly json: string }
  | { readonly kind: 'file'; readonly path: string };

/** A node's configuration. */
export interface Config {
  /** Unset settings have ModelMesh's defaults, and errors its codes, where the two differ (`MM_COMPAT=modelmesh`). */
  readonly modelMeshCompat: boolean;
  readonly serviceName: string;
  readonly instanceId: InstanceId;
  /** First path element of every registry key. */
  readonly registryPrefix: string;
  readonly location: string;
  readonly zone: string;
  readonly labels: ReadonlySet<string>;
  readonly defaultEndpointOwner: string;
  /** Where this node keeps its files. */
  readonly dataDir: string;

  readonly listeners: readonly ListenerConfig[];
  readonly probes: AdminListenerConfig | null;
  readonly prestop: AdminListenerConfig | null;
  readonly metrics: MetricsConfig | null;
  readonly statsd: (StatsDConfig & Pick<MetricsConfig, 'fullMethodNames'>) | null;
  readonly tls: TlsConfig | null;
  readonly cors: CorsConfig;
  readonly tokens: TokensConfig;
  readonly strategies: StrategiesConfig;
  /** Modules of plug-ins. */
  readonly plugins: readonly string[];

  readonly registry: RegistryConfig;
  /** Models and endpoints are neither added, changed nor removed (`KV_READ_ONLY`). */
  readonly readOnly: boolean;
  /** JSON of the models that are registered at the start, and a file with more (spec `modelmesh.md` §4.16). */
  readonly staticModels: { readonly inline: string | null; readonly file: string | null };
  /** `null`: no other node can share the registry. */
  readonly peer: PeerConfig | null;
  readonly runtime: RuntimeConfig;
  readonly dataPlaneRules: DataPlaneRulesConfig;
  readonly typeConstraints: TypeConstraintsConfig;
  readonly scaling: ScalingConfig;
  /** How the first loads of a node are judged (spec `modelmesh.md` §4.15). */
  readonly failFast: { readonly enabled: boolean; readonly periodMs: DurationMs };
  readonly limits: LimitsConfig;
  readonly cache: CacheConfig;
  readonly http2Engine: 'h2' | 'node-http2';
  /** Workers of the data plane. */
  readonly workers: number;
  /** `auto`: one worker shares the thread of control. */
  readonly workerThreads: 'auto' | 'always';
  readonly shutdownTimeoutMs: DurationMs;
  readonly logLevel: 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'fatal';
  readonly logEachInvocation: boolean;
  /** Header name → name in log lines (spec `modelmesh.md` §6.6). */
  readonly logHeaders: ReadonlyMap<string, string>;
}
