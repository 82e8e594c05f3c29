/** What a worker of the data plane is made of, wherever it runs. */
import {
  createFrameEngine,
  createNodeHttp2Engine,
  DEFAULT_STREAM_LIMITS,
  type StreamEngine,
  type StreamLimits,
} from '@modelmesh/grpc/stream';
import { allowAll } from '../authz/index.ts';
import { createCelEngine } from '../cel/index.ts';
import type { Config } from '../config/index.ts';
import {
  ByteBudget,
  CorsPolicy,
  DataPlane,
  type DataPlaneLimits,
  type DataPlaneParts,
  policyExpressions,
  type RestLimits,
  readMethodRules,
} from '../dataplane/index.ts';
import type { LimitCounters } from '../link/index.ts';
import { systemClock, systemRandom } from '../node/index.ts';
import { type FollowedKeys, SignedVault } from '../tokens/index.ts';

const HTTP2_ENGINES = { h2: createFrameEngine, 'node-http2': createNodeHttp2Engine } as const;

/** The engine that carries HTTP/2. */
export const makeEngine = (config: Config, limitCounters: LimitCounters): StreamEngine =>
  HTTP2_ENGINES[config.http2Engine]({ clock: systemClock, onLimit: limitCounters.add });

type DataPlaneAround = Pick<
  DataPlaneParts,
  'worker' | 'clock' | 'timers' | 'engine' | 'counters' | 'link' | 'metrics' | 'tokens' | 'strategies' | 'comparers'
>;

/** A worker of the data plane as the configuration wants it. @param links how it reaches other nodes; `null`: it is alone */
export function makeDataPlane(
  config: Config,
  { limitCounters, ...parts }: DataPlaneAround & { readonly limitCounters: LimitCounters },
  links: DataPlaneParts['peers'] | null,
): DataPlane {
  return new DataPlane({
    ...parts,
    instance: config.instanceId,
    runtimeLimits: { ...limitsOf(config), queuedStreamsMax: config.limits.runtimeQueueMax },
    authorizer: allowAll,
    limits: dataPlaneLimits(config),
    rules: readMethodRules(config.dataPlaneRules),
    random: systemRandom,
    expressionsOf: policyExpressions(createCelEngine({ costExceeded: () => limitCounters.addLabel('rules.evaluationCost') })),
    onLimit: (limit) => limitCounters.addLabel(limit),
    exhaustedKind: config.modelMeshCompat ? 'internal' : 'unavailable',
    ...(links == null ? {} : { peers: links }),
  });
}

/** What gives tokens to clients of one worker. */
export function makeTokenVault(
  { tokens }: Pick<Config, 'tokens'>,
  { keys, readiness }: Pick<FollowedKeys, 'keys' | 'readiness'>,
): SignedVault {
  const vault = new SignedVault({ rememberedMax: tokens.rememberedMax, random: systemRandom });
  if (readiness.ready) vault.use(keys);
  else vault.lacksKeys(readiness.why);
  return vault;
}

/** Bounds of connections. */
export function limitsOf({ limits }: Config): StreamLimits {
  const { streamsPerConnectionMax, headerListBytesMax, streamWindowBytes, streamWindowBytesMax, connectionWindowBytes } = limits;
  const windows = { streamWindowBytes, streamWindowBytesMax, connectionWindowBytes };
  return { ...DEFAULT_STREAM_LIMITS, streamsPerConnectionMax, headerListBytesMax, ...windows };
}

/** Streams that workers may relay to control at a time; further ones wait. */
const RELAYED_STREAMS_MAX = 10_000;
/** What is told of a client's connection besides its own headers. */
const RELAYED_HEADER_BYTES = 65_536;

/** Bounds of the connections between a worker and control. */
export const relayLimits = (limits: StreamLimits): StreamLimits => ({
  ...limits,
  streamsPerConnectionMax: RELAYED_STREAMS_MAX,
  headerListBytesMax: limits.headerListBytesMax + RELAYED_HEADER_BYTES,
});

/** Bounds of calls. */
export function dataPlaneLimits({ limits }: Config): DataPlaneLimits {
  return {
    messageBytesMax: limits.messageBytesMax,
    replayBytesPerCallMax: limits.replayBytesPerCallMax,
    replayBytesMax: limits.replayBytesMax,
    openingBytesMax: limits.openingBytesMax,
    inflateRatioMax: limits.decompressionRatioMax,
    turnsPerCopyMax: limits.turnsPerCopyMax,
    multiParallelism: limits.multiModelParallelism,
    waitingCallsPerModelMax: limits.waitingCallsPerModelMax,
    waitingCallsMax: limits.waitingCallsMax,
    runtimeWaitersMax: limits.waitingCallsMax,
    unaryTimeoutMs: limits.unaryTimeoutMs,
    shadows: limits.shadows,
  };
}

function restLimits({ limits }: Config): RestLimits {
  const { restBodyBytesMax: bodyBytesMax, restLargeBodiesBytesMax: largeBodiesBytesMax, unaryTimeoutMs } = limits;
  return { bodyBytesMax, largeBodiesBytesMax, unaryTimeoutMs };
}

/** What requests of HTTP go by; it changes with the configuration. */
export class HttpRules {
  readonly bodies: ByteBudget;
  limits: RestLimits;
  cors: CorsPolicy;

  constructor(config: Config) {
    this.bodies = new ByteBudget(config.limits.restBodiesBytesMax);
    this.limits = restLimits(config);
    this.cors = new CorsPolicy(config.cors);
  }

  use(changed: Config): void {
    this.bodies.setMax(changed.limits.restBodiesBytesMax);
    this.limits = restLimits(changed);
    this.cors = new CorsPolicy(changed.cors);
  }
}
