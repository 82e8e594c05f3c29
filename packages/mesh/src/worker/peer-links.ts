import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Clock, InstanceId, Random } from '@modelmesh/core';
import { GrpcRouter, refuseHttp } from '@modelmesh/grpc/call';
import type { AcceptStream, ClientConnection, StreamEngine, StreamLimits } from '@modelmesh/grpc/stream';
import type { TimerWheel } from '@modelmesh/grpc/timer-wheel';
import { readClientTls } from '../certificates/index.ts';
import type { Config, TlsConfig } from '../config/index.ts';
import type { DataPlaneParts } from '../dataplane/index.ts';
import type { Log } from '../log/index.ts';
import { type Introduction, type MetPeer, splitAddress } from '../peer/index.ts';

/** Calls between two nodes at a time; further ones wait. */
export const PEER_STREAMS_MAX = 10_000;
/** Requests of control are small; those that are forwarded do not pass here. */
const CONTROL_MESSAGE_BYTES_MAX = 1_048_576;
/** What internal header fields may add to those of a client. */
const INTERNAL_HEADERS_BYTES = 8192;
/** A clock that is further from another node's than this is worth a line. */
const SKEW_WORTH_A_LINE_MS = 1000;

/** Bounds of connections between nodes. */
export const peerLimits = (limits: StreamLimits): StreamLimits => ({
  ...limits,
  streamsPerConnectionMax: PEER_STREAMS_MAX,
  headerListBytesMax: limits.headerListBytesMax + INTERNAL_HEADERS_BYTES,
});

/** Connects to the port of another node. The files of `tls` are read with every connection. */
export function connectPeer(
  engine: StreamEngine,
  limits: StreamLimits,
  tls: TlsConfig | null,
  address: string,
): ClientConnection {
  const { host, port } = splitAddress(address);
  const target =
    tls === null ? ({ kind: 'tcp', host, port } as const) : ({ kind: 'tls', host, port, tls: readClientTls(tls) } as const);
  return engine.connect(target, limits);
}

/** A worker's way to other nodes. */
export function peerLinks(parts: {
  readonly config: Config;
  readonly self: Introduction;
  readonly random: Random;
  readonly log: Log;
  readonly connect: (address: string) => ClientConnection;
}): NonNullable<DataPlaneParts['peers']> {
  const { config, self, random, log, connect } = parts;
  return {
    self,
    random,
    waitingMax: config.limits.waitingCallsMax,
    connect,
    report: ({ instance, reachable, why }) => reportReach(instance, reachable, why, log),
    met: (met) => reportSkew(met, log),
  };
}

/** A clock that stands elsewhere is worth a line. */
export function reportSkew({ hello, skewMs }: MetPeer, log: Log): void {
  if (Math.abs(skewMs) < SKEW_WORTH_A_LINE_MS) return;
  const sentence = `the clock of ${hello.instance} is ${Math.round(skewMs)} ms ahead of ours`;
  log.warn('clock-skew', sentence, { peer: hello.instance, skewMs: Math.round(skewMs) });
}

function reportReach(instance: InstanceId, reachable: boolean, why: string, log: Log): void {
  if (reachable) log.info('peer-reachable', `instance ${instance} answers again`, { peer: instance });
  else log.warn('peer-unreachable', `no call goes to instance ${instance} until it answers again: ${why}`, { peer: instance });
}

/** The router of streams that other nodes send. Calls for models go to `accept`. */
export function peerRouter(
  accept: AcceptStream,
  { clock, timers, log }: { readonly clock: Clock; readonly timers: TimerWheel; readonly log: Log },
): GrpcRouter {
  return new GrpcRouter({
    clock,
    timers,
    messageBytesMax: CONTROL_MESSAGE_BYTES_MAX,
    fallback: accept,
    http: (stream, _headers, end) => refuseHttp(stream, 404, end),
    onFault: (error, path) => log.error('fault', `a call of another node for ${path} met a fault of ours`, { error }),
  });
}

/** How the port between nodes listens. */
export const peerListenerLimits = ({ limits }: Config) => ({ ...limits, connectionAgeMaxMs: null, connectionAgeGraceMs: null });

/** The port between nodes speaks nothing but HTTP/2. */
export const refusePeerRequest = (_request: IncomingMessage, response: ServerResponse): void =>
  void response.writeHead(404).end();
