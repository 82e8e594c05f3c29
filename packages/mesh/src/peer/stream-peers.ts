import {
  type Clock,
  type DurationMs,
  durationMs,
  type EndpointId,
  type InstanceId,
  MeshError,
  type ModelKey,
  type Timer,
} from '@modelmesh/core';
import type { DecisionQuery, DecisionRecord } from '@modelmesh/core/journal';
import type { MirrorDiff } from '@modelmesh/core/traffic';
import { GrpcClient } from '@modelmesh/grpc/call';
import type { ClientConnection } from '@modelmesh/grpc/stream';
import type { TimerWheel } from '@modelmesh/grpc/timer-wheel';
import { Peer } from '@modelmesh/wire/peer';
import { readCopy } from './copy-message.ts';
import { queryMessage, readDecisions } from './decision-message.ts';
import { readDiffs } from './diff-message.ts';
import { greet, type Introduction } from './meeting.ts';
import type { MetPeer, PeerAddress, PeerCopy, PeerLoad, Peers } from './port.ts';

/** What control's way to other nodes needs. */
export interface StreamPeersParts {
  readonly self: Introduction;
  readonly clock: Clock;
  readonly timers: TimerWheel;
  /** A connection to a peer's port; not yet made. @throws {MeshError} `unavailable` if there can be none */
  readonly connect: (address: string) => ClientConnection;
  /** Hears of every peer that was met: how its clock stands to ours. */
  readonly met?: (met: MetPeer) => void;
}

/** Connections that are kept; beyond, the one that was used longest ago and carries nothing is closed. */
export const PEER_CONNECTIONS_MAX = 1024;
/** Until a peer has to have said hello. */
const HELLO_WITHIN_MS = durationMs(2000);
/** Pause between pings while a request waits; of two that are not answered the connection ends. */
const PING_EVERY_MS = durationMs(1000);
const PINGS_UNANSWERED_MAX = 2;
const ANSWER_BYTES_MAX = 262_144;

/** {@link Peers} over HTTP/2: one connection for each peer, hello before the first request, and pings while a request waits. */
export class StreamPeers implements Peers {
  readonly #parts: StreamPeersParts;
  readonly #meetings = new Map<InstanceId, Meeting>();
  #closed = false;

  constructor(parts: StreamPeersParts) {
    this.#parts = parts;
  }

  hello(peer: PeerAddress, signal: AbortSignal): Promise<MetPeer> {
    return this.#with(peer, (meeting) => meeting.meetAgain(signal));
  }

  load(peer: PeerAddress, load: PeerLoad, signal: AbortSignal): Promise<PeerCopy> {
    return this.#with(peer, async (meeting) => {
      await meeting.meet(signal);
      const { knownUnits, exclude, ...rest } = load;
      const request = { ...rest, ...this.#from(peer), exclude: [...exclude], ...(knownUnits === null ? {} : { knownUnits }) };
      return readCopy((await meeting.client.unary(Peer.method.load, request, { signal })).copy);
    });
  }

  copy(peer: PeerAddress, model: ModelKey, signal: AbortSignal): Promise<PeerCopy> {
    return this.#with(peer, async (meeting) => {
      await meeting.meet(signal);
      return readCopy((await meeting.client.unary(Peer.method.copy, { ...this.#from(peer), model }, { signal })).copy);
    });
  }

  unload(peer: PeerAddress, model: ModelKey, signal: AbortSignal): Promise<void> {
    return this.#with(peer, async (meeting) => {
      await meeting.meet(signal);
      await meeting.client.unary(Peer.method.unload, { ...this.#from(peer), model }, { signal });
    });
  }

  explain(peer: PeerAddress, query: DecisionQuery, signal: AbortSignal): Promise<readonly DecisionRecord[]> {
    return this.#with(peer, async (meeting) => {
      await meeting.meet(signal);
      const request = { ...this.#from(peer), ...queryMessage(query) };
      return readDecisions((await meeting.client.unary(Peer.method.explain, request, { signal })).decisions);
    });
  }

  diff(peer: PeerAddress, endpoint: EndpointId, signal: AbortSignal): Promise<readonly MirrorDiff[]> {
    return this.#with(peer, async (meeting) => {
      await meeting.meet(signal);
      return readDiffs((await meeting.client.unary(Peer.method.diff, { ...this.#from(peer), endpoint }, { signal })).diffs);
    });
  }

  close(): void {
    this.#closed = true;
    for (const meeting of this.#meetings.values()) meeting.close();
    this.#meetings.clear();
  }

  #from({ incarnation }: PeerAddress) {
    return { from: this.#parts.self.instance, incarnation: incarnation ?? '' };
  }

  async #with<Answer>(peer: PeerAddress, ask: (meeting: Meeting) => Promise<Answer>): Promise<Answer> {
    const meeting = this.#meeting(peer);
    meeting.begin();
    try {
      return await ask(meeting);
    } finally {
      meeting.end();
    }
  }

  #meeting(peer: PeerAddress): Meeting {
    if (this.#closed) throw new MeshError('unavailable', 'the node is shutting down');
    const { instance, address, incarnation } = peer;
    let meeting = this.#meetings.get(instance);
    const isOld = meeting?.peer.address !== address || meeting.peer.incarnation !== incarnation || meeting.ended;
    if (isOld) {
      meeting?.close();
      meeting = undefined;
    }
    meeting ??= new Meeting(peer, this.#parts);
    this.#meetings.delete(instance);
    this.#meetings.set(instance, meeting);
    if (this.#meetings.size > PEER_CONNECTIONS_MAX) this.#forgetOne();
    return meeting;
  }

  #forgetOne(): void {
    for (const [instance, meeting] of this.#meetings) {
      if (meeting.busy) continue;
      this.#meetings.delete(instance);
      meeting.close();
      return;
    }
  }
}

/** One connection to one life of one peer. */
class Meeting {
  readonly peer: PeerAddress;
  readonly client: GrpcClient;
  readonly #parts: StreamPeersParts;
  readonly #connection: ClientConnection;
  #met: Promise<MetPeer> | undefined;
  #requests = 0;
  #unanswered = 0;
  #watch: Timer | undefined;

  constructor(peer: PeerAddress, parts: StreamPeersParts) {
    this.peer = peer;
    this.#parts = parts;
    this.#connection = parts.connect(peer.address);
    // Another life may answer on the next connection.
    this.#connection.onState = ({ kind }) => {
      if (kind === 'failed' || kind === 'idle') this.#met = undefined;
    };
    const { clock, timers } = parts;
    this.client = new GrpcClient(this.#connection, { clock, timers, authority: 'peer', messageBytesMax: ANSWER_BYTES_MAX });
  }

  get busy(): boolean {
    return this.#requests > 0;
  }

  /** Whether it came to its end: another one is made with what the files of TLS say by then. */
  get ended(): boolean {
    const { kind } = this.#connection.state;
    return kind === 'closed' || kind === 'failed';
  }

  /** A request is made; {@link end} when it is over. */
  begin(): void {
    this.#requests += 1;
    if (this.#watch === undefined) this.#watchLater();
  }

  end(): void {
    this.#requests -= 1;
  }

  /** Says hello unless that was done on this connection. */
  meet(signal: AbortSignal): Promise<MetPeer> {
    return untilAborted(this.#met ?? this.#greet(), signal);
  }

  /** Says hello whatever was before. */
  meetAgain(signal: AbortSignal): Promise<MetPeer> {
    return untilAborted(this.#greet(), signal);
  }

  close(): void {
    this.#watch?.cancel();
    this.#connection.close();
  }

  /** Not by the signal of the one who asks first: others may wait for the same hello. */
  #greet(): Promise<MetPeer> {
    const { clock, self, met } = this.#parts;
    const greeting = greet(this.client, self, this.peer, { clock, timeoutMs: HELLO_WITHIN_MS });
    this.#met = greeting;
    greeting.then(met, () => {
      if (this.#met === greeting) this.#met = undefined;
    });
    return greeting.catch((error: unknown) => {
      throw asUnreachable(error, this.peer, HELLO_WITHIN_MS);
    });
  }

  #watchLater(): void {
    this.#watch = this.#parts.clock.after(PING_EVERY_MS, () => {
      this.#watch = undefined;
      if (this.#requests === 0 || this.#connection.state.kind === 'closed') {
        this.#unanswered = 0;
        return;
      }
      this.#watchLater();
      if (this.#connection.state.kind !== 'ready') return;
      if (this.#unanswered >= PINGS_UNANSWERED_MAX) {
        this.close();
        return;
      }
      this.#unanswered += 1;
      this.#connection.ping((roundTripMs) => {
        if (roundTripMs !== null) this.#unanswered = 0;
      });
    });
  }
}

/** A peer that does not say hello in time is one that cannot be reached; the caller's own deadline is another matter. */
function asUnreachable(error: unknown, { instance, address }: PeerAddress, withinMs: DurationMs): unknown {
  if (!(error instanceof MeshError) || error.kind !== 'deadline-exceeded') return error;
  const sentence = `instance ${instance} said no hello at ${address} within ${withinMs} ms`;
  return new MeshError('unavailable', sentence, { cause: error });
}

function untilAborted<Value>(promise: Promise<Value>, signal: AbortSignal): Promise<Value> {
  return new Promise((resolve, reject) => {
    const aborted = (): void => reject(new MeshError('cancelled', 'cancelled', { cause: signal.reason }));
    if (signal.aborted) aborted();
    signal.addEventListener('abort', aborted, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', aborted));
  });
}
