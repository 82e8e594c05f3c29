import { type Clock, type InstanceId, MeshError, type Random } from '@modelmesh/core';
import { GrpcRouter, refuseHttp } from '@modelmesh/grpc/call';
import type { AcceptStream, ClientConnection, StreamEngine, StreamLimits } from '@modelmesh/grpc/stream';
import type { TimerWheel } from '@modelmesh/grpc/timer-wheel';
import { PEER_PROTOCOL } from '@modelmesh/wire/peer';
import { readClientTls } from '../certificates/index.ts';
import type { Config, PeerConfig, TlsConfig } from '../config/index.ts';
import { type DataPlaneParts, listen, type RunningListener } from '../dataplane/index.ts';
import type { Log } from '../log/index.ts';
import {
  type Introduction,
  type MetPeer,
  type PeerService,
  type Peers,
  StreamPeers,
  servePeers,
  splitAddress,
} from '../peer/index.ts';

/** Calls between two nodes at a time; further ones wait. */
export const PEER_STREAMS_MAX = 10_000;
/** What internal header fields may add to those of a client. */
const INTERNAL_HEADERS_BYTES = 8192;
/** Requests of control are small; those that are forwarded do not pass here. */
const CONTROL_MESSAGE_BYTES_MAX = 1_048_576;
/** A clock that is further from another node's than this is worth a line. */
const SKEW_WORTH_A_LINE_MS = 1000;

/** What the way to other nodes, and theirs to this one, is made of. */
export interface PeerPortParts {
  readonly config: Config;
  readonly peer: PeerConfig;
  readonly engine: StreamEngine;
  readonly streamLimits: StreamLimits;
  readonly clock: Clock;
  readonly timers: TimerWheel;
  readonly random: Random;
  readonly log: Log;
}

/** One life of an instance, told apart from every other. */
export function newIncarnation(random: Random): string {
  const half = (): string =>
    random
      .below(2 ** 32)
      .toString(16)
      .padStart(8, '0');
  return half() + half();
}

/** This node among others: how it reaches them, and the port at which they reach it. */
export class PeerPort {
  readonly self: Introduction;
  /** Control's way to other nodes. */
  readonly peers: Peers;
  readonly #parts: PeerPortParts;
  readonly #limits: StreamLimits;
  #tls: TlsConfig | null;
  #answers: Omit<PeerService, 'self'> | undefined;
  #listener: RunningListener | undefined;

  constructor(parts: PeerPortParts) {
    const { config, peer, streamLimits, clock, timers, random } = parts;
    const { registryPrefix, serviceName, instanceId: instance } = config;
    const cluster = `${registryPrefix}/${serviceName}`;
    this.#parts = parts;
    this.#tls = peer.tls;
    this.#limits = {
      ...streamLimits,
      streamsPerConnectionMax: PEER_STREAMS_MAX,
      headerListBytesMax: streamLimits.headerListBytesMax + INTERNAL_HEADERS_BYTES,
    };
    this.self = { protocol: PEER_PROTOCOL, cluster, instance, incarnation: newIncarnation(random), features: [] };
    const connect = (address: string): ClientConnection => this.#connect(address);
    this.peers = new StreamPeers({ self: this.self, clock, timers, connect, met: (met) => this.#met(met) });
  }

  /** `host:port` at which other nodes reach this one; known once it is open. */
  get address(): string {
    const { address } = this.#parts.peer;
    return `${address.includes(':') ? `[${address}]` : address}:${this.#listener?.address.port ?? this.#parts.peer.port}`;
  }

  /** Where it listens; `undefined` until it is open. */
  get listener(): RunningListener | undefined {
    return this.#listener;
  }

  /** The data plane's way to other nodes. */
  get links(): NonNullable<DataPlaneParts['peers']> {
    const { config, random, log } = this.#parts;
    return {
      self: this.self,
      random,
      waitingMax: config.limits.waitingCallsMax,
      connect: (address) => this.#connect(address),
      report: ({ instance, reachable, why }) => this.#reportReach(instance, reachable, why, log),
      met: (met) => this.#met(met),
    };
  }

  /**
   * Opens the port. Forwarded calls go to `accept`; questions of control are refused until {@link answerWith}.
   *
   * @throws {MeshError} as `listen`
   */
  async open(accept: AcceptStream): Promise<void> {
    const { peer, config, engine, clock, timers, log } = this.#parts;
    const router = new GrpcRouter({
      clock,
      timers,
      messageBytesMax: CONTROL_MESSAGE_BYTES_MAX,
      fallback: accept,
      http: (stream, _headers, end) => refuseHttp(stream, 404, end),
      onFault: (error, path) => log.error('fault', `a call of another node for ${path} met a fault of ours`, { error }),
    });
    servePeers(router, this.#service(), clock);
    this.#listener = await listen({
      config: { roles: new Set(), host: peer.host, port: peer.port, tls: this.#tls !== null },
      tls: this.#tls,
      limits: {
        ...config.limits,
        connectionAgeMaxMs: null,
        connectionAgeGraceMs: null,
        headerListBytesMax: config.limits.headerListBytesMax,
      },
      streamLimits: this.#limits,
      engine,
      clock,
      log,
      handlers: { accept: router.accept, onRequest: (_request, response) => void response.writeHead(404).end() },
    });
  }

  /** Control is there. */
  answerWith(answers: Omit<PeerService, 'self'>): void {
    this.#answers = answers;
  }

  /** Other certificate files. @throws {MeshError} `invalid-argument` if they cannot be used: the old ones stay in force. */
  useTls(tls: TlsConfig): void {
    this.#listener?.useTls(tls);
    this.#tls = tls;
  }

  #service(): PeerService {
    const answers = (): Omit<PeerService, 'self'> => {
      if (this.#answers === undefined) throw new MeshError('unavailable', 'the node is starting');
      return this.#answers;
    };
    return {
      self: this.self,
      load: async (...question) => answers().load(...question),
      copy: (...question) => answers().copy(...question),
      unload: (...question) => answers().unload(...question),
      explain: async (...question) => answers().explain(...question),
    };
  }

  /** The files are read with every connection. */
  #connect(address: string): ClientConnection {
    const { host, port } = splitAddress(address);
    const target =
      this.#tls === null
        ? ({ kind: 'tcp', host, port } as const)
        : ({ kind: 'tls', host, port, tls: readClientTls(this.#tls) } as const);
    return this.#parts.engine.connect(target, this.#limits);
  }

  #met({ hello, skewMs }: MetPeer): void {
    if (Math.abs(skewMs) < SKEW_WORTH_A_LINE_MS) return;
    const sentence = `the clock of ${hello.instance} is ${Math.round(skewMs)} ms ahead of ours`;
    this.#parts.log.warn('clock-skew', sentence, { peer: hello.instance, skewMs: Math.round(skewMs) });
  }

  #reportReach(instance: InstanceId, reachable: boolean, why: string, log: Log): void {
    if (reachable) log.info('peer-reachable', `instance ${instance} answers again`, { peer: instance });
    else log.warn('peer-unreachable', `no call goes to instance ${instance} until it answers again: ${why}`, { peer: instance });
  }
}
