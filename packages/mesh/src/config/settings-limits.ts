import { type Bytes, bytes, type DurationMs, durationMs } from '@modelmesh/core';
import { NO_TIMEOUT_MS } from './config.ts';
import { type Setting, setting } from './setting.ts';
import { duration, integer, orWord, plainBytes, quantity, timesOf } from './value-kind.ts';

const KIB = 1024;
const MIB = 1024 * 1024;
const GIB = 1024 * MIB;

const count = (path: string, fallback: number, max: number, doc: string): Setting<number> =>
  setting({ path, kind: integer(1, max), default: fallback, live: true, doc });

const size = (path: string, fallback: number, doc: string): Setting<Bytes> =>
  setting({ path, kind: quantity(1024, 16 * GIB), default: bytes(fallback), live: true, doc });

/** Read once, when a node or a connection is made. */
const fixed = <Value>(row: Setting<Value>): Setting<Value> => setting({ ...row, live: false });

const age = (path: string, variable: string, doc: string): Setting<DurationMs | null> =>
  setting<DurationMs | null>({
    path,
    kind: orWord(duration(1000, NO_TIMEOUT_MS), 'none'),
    default: null,
    modelMesh: { names: [variable], kind: timesOf(1000, 1, 2_000_000) },
    live: true,
    doc,
  });

/** Everything that is bounded. */
export const LIMIT_SETTINGS = {
  messageBytesMax: setting({
    ...size('limits.messageBytesMax', 16 * MIB, 'The largest message of gRPC, in either direction.'),
    kind: quantity(1024, 2 * GIB),
    modelMesh: { names: ['MM_SVC_GRPC_MAX_MSG_SIZE'], kind: plainBytes(1024, 2 * GIB) },
    live: false,
  }),
  headerListBytesMax: setting({
    ...size(
      'limits.headerListBytesMax',
      64 * KIB,
      'The largest list of headers, as HTTP/2 counts it. A longer one is answered with RESOURCE_EXHAUSTED or 431; over HTTP/2 one of more than 128 KiB resets its stream with ENHANCE_YOUR_CALM, which gRPC clients report as RESOURCE_EXHAUSTED too, and one of more than 144 KiB or with a header of more than 64 KiB ends its connection with all calls on it (GOAWAY with INTERNAL_ERROR or COMPRESSION_ERROR), whatever the limit. To a runtime goes no header of more than 64 KiB and no list of more than 128 KiB.',
    ),
    kind: quantity(1024, 16 * MIB),
    modelMeshDefault: bytes(8 * KIB),
    modelMesh: { names: ['MM_SVC_GRPC_MAX_HEADERS_SIZE'], kind: plainBytes(1024, 16 * MIB) },
    live: false,
  }),
  streamsPerConnectionMax: fixed(
    count('limits.streamsPerConnectionMax', 1000, 100_000, 'Calls at a time on one HTTP/2 connection.'),
  ),
  streamWindow: setting({
    path: 'limits.streamWindowBytes',
    kind: quantity(65_535, 16 * MIB),
    default: bytes(65_535),
    live: false,
    doc: 'Bytes that may be under way on one HTTP/2 stream at its start, in each direction; with `http2.engine: node-http2` a stalled call holds up to one and a half times as much.',
  }),
  streamWindowMax: setting({
    path: 'limits.streamWindowBytesMax',
    kind: quantity(65_535, 64 * MIB),
    default: bytes(MIB),
    live: false,
    doc: 'To which this grows while both sides keep up, within a quarter of what may wait unconsumed on one connection and in the node; it is never below `limits.streamWindowBytes`. `node-http2` leaves windows as they are.',
  }),
  connectionWindow: setting({
    path: 'limits.connectionWindowBytes',
    kind: quantity(65_535, GIB),
    default: bytes(4 * MIB),
    live: false,
    doc: 'Bytes that may be under way on one HTTP/2 connection, in each direction.',
  }),
  connectionsMax: count(
    'limits.connectionsMax',
    10_000,
    1_000_000,
    'Connections at a time on one port; further ones are closed.',
  ),
  connectionAgeMax: age(
    'limits.connectionAgeMax',
    'MM_SVC_GRPC_MAX_CONNECTION_AGE_SECS',
    'An HTTP/2 connection of this age is asked to end.',
  ),
  connectionAgeGrace: age(
    'limits.connectionAgeGrace',
    'MM_SVC_GRPC_MAX_CONNECTION_AGE_GRACE_SECS',
    'Calls on such a connection get this time.',
  ),
  replayPerCall: size('limits.replayBytesPerCallMax', 256 * KIB, 'A request of up to this size can be sent to a runtime again.'),
  replay: size('limits.replayBytesMax', 64 * MIB, 'Memory of one worker for requests that can be sent again.'),
  waitingPerModel: count(
    'limits.waitingCallsPerModelMax',
    10_000,
    1_000_000,
    'Calls that may wait for the load of one model; beyond: RESOURCE_EXHAUSTED or 429.',
  ),
  waiting: count('limits.waitingCallsMax', 50_000, 1_000_000, 'Calls that may wait for loads.'),
  shadowCallBytes: size(
    'limits.shadowBytesPerCallMax',
    MIB,
    'Bytes of a call that are kept for its shadows, request and answer together, and of the answer of a shadow; larger calls are not mirrored.',
  ),
  shadowBytes: size(
    'limits.shadowBytesMax',
    64 * MIB,
    'Memory of one worker for calls that shadows get; beyond, calls are not mirrored.',
  ),
  shadowQueue: count(
    'limits.shadowQueueMax',
    1000,
    1_000_000,
    'Calls of one worker that wait for their shadow; further ones are not mirrored.',
  ),
  shadowConcurrency: count('limits.shadowConcurrencyMax', 4, 10_000, 'Shadows that one worker runs at the same time.'),
  shadowTimeout: setting({
    path: 'limits.shadowTimeout',
    kind: duration(1, NO_TIMEOUT_MS),
    default: durationMs(30_000),
    defaultText: '30s',
    live: true,
    doc: 'Time that a shadow has, a load of its copy included.',
  }),
  runtimeQueue: fixed(count('limits.runtimeQueueMax', 4096, 1_000_000, 'Calls that may wait for a free stream to the runtime.')),
  opening: size(
    'limits.openingBytesMax',
    64 * MIB,
    'Requests that are held until the model in them is known, over all calls, and requests and answers of calls for several models; and again as much for messages that are rewritten.',
  ),
  restBody: size('limits.restBodyBytesMax', 64 * MIB, 'The largest body of REST, before and after decompression.'),
  restBodies: size(
    'limits.restBodiesBytesMax',
    512 * MIB,
    'Bodies and answers of REST that are held at the same time; beyond: 429.',
  ),
  restLargeBodies: fixed(
    size(
      'limits.restLargeBodiesBytesMax',
      128 * MIB,
      'Announced bytes of REST bodies above 64 KiB that are read or answered at the same time; further ones wait for their turn.',
    ),
  ),
  decompressionRatio: count(
    'limits.decompressionRatioMax',
    200,
    100_000,
    'How many times larger a compressed message may become before it counts as a bomb.',
  ),
  multiParallelism: setting({
    ...count('limits.multiModelParallelism', 4, 256, 'Models of one call for several models that are asked at the same time.'),
    modelMesh: { names: ['MM_MULTI_PARALLELISM'], kind: integer(1, 256) },
  }),
  unaryTimeout: setting<DurationMs | null>({
    path: 'limits.unaryTimeout',
    kind: orWord(duration(1, NO_TIMEOUT_MS), 'none'),
    default: durationMs(300_000),
    defaultText: '5m',
    modelMeshDefault: null,
    live: true,
    doc: 'Deadline of a unary call that brings none.',
  }),
  loadQueue: fixed(count('limits.loadQueueMax', 4096, 1_000_000, 'Models that may wait to be loaded.')),
  copies: fixed(count('limits.copiesMax', 16_384, 16_384, 'Models that are loaded, or remembered as failed, at the same time.')),
};
