import type { Socket } from 'node:net';
import { MeshError, type Timer } from '@modelmesh/core';
import {
  Connection,
  type ConnectionEnd,
  type ConnectionEvents,
  type Goaway,
  type H2Stream,
  type LimitName,
  type StreamEvents,
  WaitingRoom,
} from '@modelmesh/h2/connection';
import { describeTarget, dial } from '../dial.ts';
import { UNANSWERED_PINGS_MAX } from '../limits.ts';
import {
  type ByteStream,
  type ClientConnection,
  type ClientConnectionState,
  type ConnectTarget,
  type HeaderBlock,
  RESET_CODE,
  type ResetCause,
  type StreamHandler,
} from '../port.ts';
import type { FrameSetup } from './engine.ts';
import { SocketLink } from './socket-link.ts';

/** A stream that waits for a connection or for room on one. */
interface Queued {
  readonly stream: H2Stream;
  readonly headers: HeaderBlock;
}

/** The handlers of our streams are the port's, who know all causes of it. */
function tell(stream: H2Stream, cause: ResetCause): void {
  stream.isOver = true;
  (stream.handler as StreamHandler).onReset(stream, cause);
}

/** One life of the connection. */
class Lane implements ConnectionEvents {
  readonly connection: Connection;
  failure = 'the connection was closed by the other side';
  readonly #owner: LaneOwner;
  readonly #setup: FrameSetup;
  readonly #link: SocketLink;
  readonly #pings = new Map<number, { readonly sentMs: number; readonly answered: (roundTripMs: number | null) => void }>();
  #pingCount = 0;
  #isToldToGo = false;

  constructor(socket: Socket, setup: FrameSetup, owner: LaneOwner) {
    this.#owner = owner;
    this.#setup = setup;
    this.connection = new Connection({
      side: 'client',
      events: this,
      budget: setup.budget,
      limits: setup.connectionLimits,
      nowMs: setup.turns.nowMs(),
      makeLedger: setup.makeLedger,
    });
    this.#link = new SocketLink(socket, this.connection, setup.turns);
    setup.turns.needs(this.#link);
  }

  ping(answered: (roundTripMs: number | null) => void): void {
    if (this.#pings.size >= UNANSWERED_PINGS_MAX) {
      this.#setup.onLimit?.('unansweredPingsMax');
      process.nextTick(answered, null);
      return;
    }
    this.#pingCount = (this.#pingCount + 1) % 0xffff_fffe;
    this.#pings.set(this.#pingCount, { sentMs: this.#setup.turns.nowMs(), answered });
    this.connection.ping(this.#pingCount);
  }

  onStream(): StreamEvents {
    throw new MeshError('internal', 'a server has opened a stream, and the connection let it');
  }

  onTooLong(): undefined {
    return undefined;
  }

  onReady(): void {
    this.#owner.laneReady(this);
  }

  onRoom(): void {
    this.#owner.laneRoom(this);
  }

  onGoaway({ code, why }: Goaway): void {
    this.#isToldToGo = true;
    this.failure = `the other side ended the connection (GOAWAY ${code}${why === '' ? '' : `: ${why}`})`;
    this.#owner.laneSpent(this);
  }

  onPong(id: number): void {
    const ping = this.#pings.get(id);
    this.#pings.delete(id);
    ping?.answered(this.#setup.turns.nowMs() - ping.sentMs);
  }

  onLimit(limit: LimitName): void {
    this.#setup.onLimit?.(limit);
  }

  onWork(): void {
    this.#setup.turns.needs(this.#link);
  }

  onOver(end: ConnectionEnd): void {
    if (end.kind === 'error') this.failure = end.error.message;
    else if (end.kind === 'lost' && !this.#isToldToGo) this.failure = end.message;
    const pings = [...this.#pings.values()];
    this.#pings.clear();
    for (const { answered } of pings) process.nextTick(answered, null);
    this.#owner.laneOver(this);
  }

  close(): void {
    this.#link.endAtOnce();
    this.connection.close();
  }

  destroy(): void {
    this.#link.destroy();
  }
}

/** What a lane tells the connection that it is a life of. */
interface LaneOwner {
  laneReady(lane: Lane): void;
  laneRoom(lane: Lane): void;
  /** No further stream can be opened on it. */
  laneSpent(lane: Lane): void;
  laneOver(lane: Lane): void;
}

/** One target over connections on frames, one at a time; one that was told to go away only finishes its streams. */
export class FrameClientConnection implements ClientConnection, LaneOwner {
  onState: ((state: ClientConnectionState) => void) | undefined = undefined;
  readonly #target: ConnectTarget;
  readonly #setup: FrameSetup;
  readonly #waiting: WaitingRoom;
  readonly #lanes = new Set<Lane>();
  #queue: Queued[] = [];
  #lane: Lane | undefined = undefined;
  #timer: Timer | undefined = undefined;
  #state: ClientConnectionState = { kind: 'idle' };
  #epoch = 0;

  constructor(target: ConnectTarget, setup: FrameSetup) {
    this.#target = target;
    this.#setup = setup;
    this.#waiting = new WaitingRoom(
      (stream, code) => process.nextTick(tell, stream, { kind: 'local-reset', code } satisfies ResetCause),
      setup.makeLedger,
    );
  }

  get state(): ClientConnectionState {
    return this.#state;
  }

  open(headers: HeaderBlock, end: boolean, handler: StreamHandler): ByteStream {
    const stream = this.#waiting.make(handler, end);
    if (this.#state.kind === 'closed') {
      const cause: ResetCause = { kind: 'connect-failed', message: 'the connection was closed' };
      process.nextTick(tell, stream, cause);
      return stream;
    }
    const lane = this.#lane;
    if (lane !== undefined && this.#queue.length === 0 && lane.connection.hasRoom) {
      lane.connection.open(stream, headers);
      return stream;
    }
    this.#enqueue({ stream, headers });
    if (lane?.connection.isSpent === true) this.laneSpent(lane);
    this.connect();
    return stream;
  }

  connect(): void {
    if (this.#lane !== undefined || this.#state.kind === 'closed') return;
    const lane = new Lane(dial(this.#target), this.#setup, this);
    this.#lane = lane;
    this.#lanes.add(lane);
    this.#become({ kind: 'connecting' });
    const { clock, connectTimeoutMs } = this.#setup;
    this.#timer = clock.after(connectTimeoutMs, () => {
      lane.connection.lost(`no HTTP/2 settings came from ${describeTarget(this.#target)} within ${connectTimeoutMs} ms`);
      lane.destroy();
    });
  }

  ping(answered: (roundTripMs: number | null) => void): void {
    const lane = this.#lane;
    if (lane?.connection.isReady === true) lane.ping(answered);
    else process.nextTick(answered, null);
  }

  close(): void {
    if (this.#state.kind === 'closed') return;
    this.#become({ kind: 'closed' });
    this.#timer?.cancel();
    this.#lane = undefined;
    const queue = this.#queue;
    this.#queue = [];
    for (const { stream } of queue) if (!stream.isOver) stream.reset(RESET_CODE.cancel);
    for (const lane of this.#lanes) lane.close();
  }

  laneReady(lane: Lane): void {
    if (lane !== this.#lane) return;
    this.#timer?.cancel();
    this.#epoch += 1;
    this.#become({ kind: 'ready', epoch: this.#epoch });
    this.laneRoom(lane);
  }

  laneRoom(lane: Lane): void {
    if (lane !== this.#lane || this.#queue.length === 0) return;
    let at = 0;
    for (; at < this.#queue.length && lane.connection.hasRoom; at += 1) {
      const queued = this.#queue[at];
      if (queued !== undefined && !queued.stream.isOver) lane.connection.open(queued.stream, queued.headers);
    }
    this.#queue = this.#queue.slice(at);
  }

  laneSpent(lane: Lane): void {
    if (lane !== this.#lane || !lane.connection.isReady) return;
    this.#lane = undefined;
    lane.connection.drain();
    this.#become({ kind: 'idle' });
    if (this.#queue.length > 0) this.connect();
  }

  laneOver(lane: Lane): void {
    this.#lanes.delete(lane);
    if (lane !== this.#lane) return;
    this.#timer?.cancel();
    this.#lane = undefined;
    const wasReady = this.#state.kind === 'ready';
    this.#become({ kind: 'failed', message: lane.failure });
    if (wasReady) {
      if (this.#queue.length > 0) this.connect();
      return;
    }
    const queue = this.#queue;
    this.#queue = [];
    for (const { stream } of queue) if (!stream.isOver) tell(stream, { kind: 'connect-failed', message: lane.failure });
  }

  #enqueue(queued: Queued): void {
    const max = this.#setup.limits.queuedStreamsMax;
    if (this.#queue.length >= max) this.#queue = this.#queue.filter(({ stream }) => !stream.isOver);
    if (this.#queue.length >= max) {
      this.#setup.onLimit?.('queuedStreamsMax');
      throw new MeshError(
        'overloaded',
        `${max} calls already wait for a free stream to ${describeTarget(this.#target)} (limit queuedStreamsMax)`,
      );
    }
    this.#queue.push(queued);
  }

  #become(state: ClientConnectionState): void {
    if (this.#state.kind === 'closed') return;
    this.#state = state;
    this.onState?.(state);
  }
}
