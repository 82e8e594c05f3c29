import { type Clock, MeshError, type Random } from '@modelmesh/core';
import type { AcceptStream, ClientConnection, StreamEngine, StreamLimits } from '@modelmesh/grpc/stream';
import type { TimerWheel } from '@modelmesh/grpc/timer-wheel';
import { PEER_PROTOCOL } from '@modelmesh/wire/peer';
import type { Config, PeerConfig, TlsConfig } from '../config/index.ts';
import { type DataPlaneParts, listen, type RunningListener } from '../dataplane/index.ts';
import type { Log } from '../log/index.ts';
import { type Introduction, type PeerService, type Peers, StreamPeers, servePeers } from '../peer/index.ts';
import { acceptRelayed } from '../relay/index.ts';
import {
  connectPeer,
  peerLimits,
  peerLinks,
  peerListenerLimits,
  peerRouter,
  refusePeerRequest,
  relayLimits,
  reportSkew,
} from '../worker/index.ts';
import type { Place, WorkerPeerPort } from '../workers/index.ts';

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

/** Workers that open the port between nodes in control's place. */
export interface PeersBehind {
  /** Unix socket at which control answers what they relay. */
  readonly relayPath: string;
  readonly relayWord: string;
  readonly engine: StreamEngine;
  readonly open: (port: WorkerPeerPort) => Promise<Place>;
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
  #place: Place | undefined;

  constructor(parts: PeerPortParts) {
    const { config, peer, streamLimits, clock, timers, random } = parts;
    const { registryPrefix, serviceName, instanceId: instance } = config;
    const cluster = `${registryPrefix}/${serviceName}`;
    this.#parts = parts;
    this.#tls = peer.tls;
    this.#limits = peerLimits(streamLimits);
    this.self = { protocol: PEER_PROTOCOL, cluster, instance, incarnation: newIncarnation(random), features: [] };
    const connect = (address: string): ClientConnection => this.#connect(address);
    this.peers = new StreamPeers({ self: this.self, clock, timers, connect, met: (met) => reportSkew(met, parts.log) });
  }

  /** `host:port` at which other nodes reach this one; known once it is open. */
  get address(): string {
    const { address } = this.#parts.peer;
    return `${address.includes(':') ? `[${address}]` : address}:${this.place?.port ?? this.#parts.peer.port}`;
  }

  /** What listens in this thread; `undefined` until it is open. */
  get listener(): RunningListener | undefined {
    return this.#listener;
  }

  /** Where other nodes connect to; `undefined` until it is open. */
  get place(): Place | undefined {
    return this.#place;
  }

  /** The data plane's way to other nodes. */
  get links(): NonNullable<DataPlaneParts['peers']> {
    const { config, random, log } = this.#parts;
    return peerLinks({ config, self: this.self, random, log, connect: (address) => this.#connect(address) });
  }

  /**
   * Opens the port. Forwarded calls go to `accept`; questions of control are refused until {@link answerWith}. `behind`: workers open the port and relay
   * those questions.
   *
   * @throws {MeshError} as `listen`
   */
  async open(accept: AcceptStream, behind: PeersBehind | null): Promise<void> {
    const { peer, config, engine, clock, log } = this.#parts;
    const router = servePeers(peerRouter(accept, this.#parts), this.#service(), clock);
    const tls = behind === null && this.#tls !== null;
    const { host, port } = peer;
    this.#listener = await listen({
      config: { roles: new Set(), host, port, tls, ...(behind === null ? {} : { socketPath: behind.relayPath }) },
      tls: this.#tls,
      limits: peerListenerLimits(config),
      streamLimits: behind === null ? this.#limits : relayLimits(this.#limits),
      engine: behind?.engine ?? engine,
      clock,
      log,
      handlers: {
        accept: behind === null ? router.accept : acceptRelayed(behind.relayWord, router.accept),
        onRequest: refusePeerRequest,
      },
    });
    this.#place = behind === null ? this.#listener.address : await behind.open({ host, port, relayPath: behind.relayPath });
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
      diff: async (...question) => answers().diff(...question),
    };
  }

  #connect(address: string): ClientConnection {
    return connectPeer(this.#parts.engine, this.#limits, this.#tls, address);
  }
}
