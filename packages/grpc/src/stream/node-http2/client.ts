import type { ClientHttp2Session, ClientHttp2Stream } from 'node:http2';
import { connect as connectHttp2, constants } from 'node:http2';
import { type Clock, type DurationMs, MeshError, type Timer } from '@modelmesh/core';
import { describeTarget, dial } from '../dial.ts';
import { headerBlock, headerListBytes } from '../header-block.ts';
import type { EngineLimitName } from '../limits.ts';
import {
  type ByteStream,
  type ClientConnection,
  type ClientConnectionState,
  type ConnectTarget,
  type HeaderBlock,
  RESET_CODE,
  type ResetCause,
  type StreamHandler,
  type StreamLimits,
} from '../port.ts';
import { BoundStream, type Carrier, type StreamSetup } from './bound-stream.ts';
import { growConnectionWindow } from './server.ts';
import { HEADER_TEXT_BYTES_MAX, sentListBytesMax, sessionOptions } from './session-options.ts';

const END_STREAM_FLAG = 0x1;
const CLIENT: unique symbol = Symbol('client stream');
type Responding = ClientHttp2Stream & { [CLIENT]: ClientStream };

function onResponse(this: ClientHttp2Stream, _headers: unknown, flags: number, raw: string[] = []): void {
  (this as Responding)[CLIENT].responded(headerBlock(raw), (flags & END_STREAM_FLAG) !== 0);
}

/** The client's half. It exists before its `node:http2` stream does: while the connection is made or at the peer's stream limit. */
class ClientStream extends BoundStream<ClientHttp2Stream> {
  readonly #headers: HeaderBlock;
  readonly #headerBytesMax: number;
  readonly #waiting: Uint8Array[] = [];
  #wantsWritable = false;

  constructor(headers: HeaderBlock, end: boolean, handler: StreamHandler, setup: StreamSetup) {
    super(handler, setup);
    this.#headers = headers;
    this.#headerBytesMax = sentListBytesMax(setup.limits);
    this.sendEnded = end;
  }

  /** Whether the owner gave the stream up while it waited. */
  get abandoned(): boolean {
    return this.over || this.resetCode !== undefined;
  }

  start(lane: Lane): void {
    const hasBody = this.#waiting.length > 0 || !this.sendEnded;
    let native: ClientHttp2Stream;
    try {
      // Only where the limit of the whole list lets such a one through.
      if (this.#headerBytesMax > HEADER_TEXT_BYTES_MAX) requireShortTexts(this.#headers);
      native = lane.session.request(this.#headers.raw(), { endStream: !hasBody });
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      lane.streamGone();
      process.nextTick(finishStream, this, { kind: 'protocol-error', message } satisfies ResetCause);
      return;
    }
    (native as Responding)[CLIENT] = this;
    native.on('response', onResponse);
    this.bind(native, lane);
    for (const bytes of this.#waiting.splice(0)) native.write(bytes);
    if (hasBody && this.sendEnded) native.end();
    // With more waiting than the engine takes at once, its own drain tells.
    if (this.#wantsWritable && !native.writableNeedDrain) process.nextTick(tellWritable, this);
  }

  responded(headers: HeaderBlock, end: boolean): void {
    if (this.over || this.resetCode !== undefined) return;
    const excess = this.excessOf(headers);
    if (excess !== undefined) {
      this.break(excess);
      return;
    }
    this.handler.onHeaders(this, headers, end);
    this.headersReceived(end);
  }

  /** The engine's word for headers that it did not send is that of a peer who refused the stream, which would be tried again. */
  protected override unsent(code: number): ResetCause | undefined {
    const max = this.#headerBytesMax;
    if (code !== constants.NGHTTP2_REFUSED_STREAM || sendingBytes(this.#headers) <= max) return undefined;
    const listBytes = headerListBytes(this.#headers);
    return {
      kind: 'protocol-error',
      message: `a header list of ${listBytes} bytes is not sent, above the limit of ${max} bytes (headerListBytesMax)`,
    };
  }

  override sendHeaders(): void {
    throw new MeshError('internal', 'the headers of a request go with open');
  }

  override sendData(bytes: Uint8Array, end: boolean): boolean {
    if (this.native !== undefined) return super.sendData(bytes, end);
    if (this.abandoned || this.sendEnded) return true;
    if (bytes.byteLength > 0) this.#waiting.push(this.poison === undefined ? bytes : this.poison.takeForSending(bytes));
    if (end) this.sendEnded = true;
    this.#wantsWritable = !end;
    return end;
  }

  override sendTrailers(): void {
    this.sendData(new Uint8Array(0), true);
  }

  override reset(code: number): void {
    if (this.abandoned) return;
    super.reset(code);
    // Nothing was sent and nothing will be: the stream ends here.
    if (this.native === undefined) process.nextTick(finishStream, this, { kind: 'local-reset', code } satisfies ResetCause);
  }
}

/** What the engine reckons with before it sends a block: names and values, and twelve bytes for each field and for the block. */
const sendingBytes = (headers: HeaderBlock): number => headerListBytes(headers) - 10 * headers.raw().length + 12;

function requireShortTexts(headers: HeaderBlock): void {
  const long = headers.raw().find((text) => text.length > HEADER_TEXT_BYTES_MAX);
  if (long === undefined) return;
  throw new MeshError(
    'too-large',
    `a header of ${long.length} bytes is not sent, above the limit of ${HEADER_TEXT_BYTES_MAX} bytes`,
  );
}

function finishStream(stream: ClientStream, cause: ResetCause): void {
  stream.finish(cause);
}
function tellWritable(stream: ClientStream): void {
  stream.drained();
}

/** One life of the connection: a session, its open streams and what its end means for them. */
class Lane implements Carrier {
  readonly session: ClientHttp2Session;
  openCount = 0;
  streamsMax = 0;
  ready = false;
  lastProcessedId: number | undefined = undefined;
  failure = 'the connection was closed by the other side';
  closedByUs = false;
  onRoom: () => void = () => undefined;

  constructor(session: ClientHttp2Session) {
    this.session = session;
  }

  get isDestroyed(): boolean {
    return this.session.destroyed;
  }

  causeOf(streamId: number, code: number): ResetCause {
    if (this.closedByUs) return { kind: 'local-reset', code: RESET_CODE.cancel };
    if (this.lastProcessedId !== undefined && streamId > this.lastProcessedId) return { kind: 'unprocessed', why: 'goaway' };
    if (this.session.destroyed) return { kind: 'connection-lost', message: this.failure };
    if (code === constants.NGHTTP2_REFUSED_STREAM) return { kind: 'unprocessed', why: 'refused-stream' };
    return { kind: 'peer-reset', code };
  }

  streamGone(): void {
    this.openCount -= 1;
    this.onRoom();
  }
}

/** What a client connection needs of its engine. */
export interface ClientSetup extends StreamSetup {
  readonly clock: Clock;
  readonly connectTimeoutMs: DurationMs;
  readonly onLimit: ((limit: EngineLimitName) => void) | undefined;
}

/** One target over `node:http2` client sessions, one at a time; a session that was told to go away only finishes its streams. */
export class NodeClientConnection implements ClientConnection {
  onState: ((state: ClientConnectionState) => void) | undefined = undefined;
  readonly #target: ConnectTarget;
  readonly #limits: StreamLimits;
  readonly #setup: ClientSetup;
  readonly #lanes = new Set<Lane>();
  readonly #queue: ClientStream[] = [];
  #lane: Lane | undefined = undefined;
  #state: ClientConnectionState = { kind: 'idle' };
  #epoch = 0;

  constructor(target: ConnectTarget, setup: ClientSetup) {
    this.#target = target;
    this.#limits = setup.limits;
    this.#setup = setup;
  }

  get state(): ClientConnectionState {
    return this.#state;
  }

  open(headers: HeaderBlock, end: boolean, handler: StreamHandler): ByteStream {
    const stream = new ClientStream(headers, end, handler, this.#setup);
    if (this.#state.kind === 'closed') {
      process.nextTick(finishStream, stream, {
        kind: 'connect-failed',
        message: 'the connection was closed',
      } satisfies ResetCause);
      return stream;
    }
    const lane = this.#lane;
    if (lane?.ready === true && this.#queue.length === 0 && lane.openCount < lane.streamsMax) {
      lane.openCount += 1;
      stream.start(lane);
      return stream;
    }
    this.#enqueue(stream);
    this.connect();
    return stream;
  }

  connect(): void {
    if (this.#lane !== undefined || this.#state.kind === 'closed') return;
    const target = this.#target;
    const session = connectHttp2(target.kind === 'tls' ? 'https://localhost' : 'http://localhost', {
      ...sessionOptions(this.#limits, 'client'),
      createConnection: () => {
        const socket = dial(target);
        // An alert that follows the handshake (TLS 1.3 asks for certificates after it) destroys the session, which then waits for the
        // socket to close; by itself it does not.
        socket.once('error', () => socket.destroy());
        return socket;
      },
    });
    const lane = new Lane(session);
    this.#lane = lane;
    this.#lanes.add(lane);
    this.#become({ kind: 'connecting' });
    const { connectTimeoutMs, clock } = this.#setup;
    const timer = clock.after(connectTimeoutMs, () => {
      lane.failure = `no HTTP/2 settings came from ${describeTarget(target)} within ${connectTimeoutMs} ms`;
      session.destroy();
    });
    session.once('connect', () => {
      if (!session.destroyed) growConnectionWindow(session, this.#limits);
    });
    session.on('remoteSettings', (settings) => this.#settingsCame(lane, timer, settings.maxConcurrentStreams));
    session.on('goaway', (_code, lastStreamId) => this.#goawayCame(lane, lastStreamId ?? 0));
    session.on('error', (error: Error) => {
      lane.failure = error.message;
    });
    session.on('close', () => this.#laneClosed(lane, timer));
    lane.onRoom = () => this.#pump(lane);
  }

  ping(answered: (roundTripMs: number | null) => void): void {
    const lane = this.#lane;
    if (lane?.ready !== true) {
      process.nextTick(answered, null);
      return;
    }
    lane.session.ping((error, roundTripMs) => answered(error === null ? roundTripMs : null));
  }

  close(): void {
    if (this.#state.kind === 'closed') return;
    this.#become({ kind: 'closed' });
    this.#lane = undefined;
    for (const stream of this.#queue.splice(0)) {
      process.nextTick(finishStream, stream, { kind: 'local-reset', code: RESET_CODE.cancel } satisfies ResetCause);
    }
    for (const lane of this.#lanes) {
      lane.closedByUs = true;
      lane.session.destroy();
    }
  }

  #enqueue(stream: ClientStream): void {
    const max = this.#limits.queuedStreamsMax;
    if (this.#queue.length >= max) this.#forgetAbandoned();
    if (this.#queue.length >= max) {
      this.#setup.onLimit?.('queuedStreamsMax');
      throw new MeshError(
        'overloaded',
        `${max} calls already wait for a free stream to ${describeTarget(this.#target)} (limit queuedStreamsMax)`,
      );
    }
    this.#queue.push(stream);
  }

  #forgetAbandoned(): void {
    const waiting = this.#queue.filter((stream) => !stream.abandoned);
    this.#queue.splice(0, this.#queue.length, ...waiting);
  }

  #settingsCame(lane: Lane, timer: Timer, streamsMax: number | undefined): void {
    lane.streamsMax = streamsMax ?? Number.POSITIVE_INFINITY;
    if (!lane.ready && lane === this.#lane) {
      timer.cancel();
      lane.ready = true;
      this.#epoch += 1;
      this.#become({ kind: 'ready', epoch: this.#epoch });
    }
    this.#pump(lane);
  }

  #goawayCame(lane: Lane, lastStreamId: number): void {
    lane.lastProcessedId = Math.min(lastStreamId, lane.lastProcessedId ?? lastStreamId);
    lane.failure = 'the other side ended the connection (GOAWAY)';
    if (lane !== this.#lane || !lane.ready) return;
    this.#lane = undefined;
    this.#become({ kind: 'idle' });
    if (this.#queue.length > 0) this.connect();
  }

  #laneClosed(lane: Lane, timer: Timer): void {
    timer.cancel();
    this.#lanes.delete(lane);
    if (lane !== this.#lane) return;
    this.#lane = undefined;
    this.#become({ kind: 'failed', message: lane.failure });
    const cause: ResetCause = { kind: 'connect-failed', message: lane.failure };
    if (!lane.ready) for (const stream of this.#queue.splice(0)) stream.finish(cause);
    else if (this.#queue.length > 0) this.connect();
  }

  #pump(lane: Lane): void {
    if (lane !== this.#lane || !lane.ready) return;
    while (this.#queue.length > 0 && lane.openCount < lane.streamsMax) {
      const stream = this.#queue.shift();
      if (stream === undefined || stream.abandoned) continue;
      lane.openCount += 1;
      stream.start(lane);
    }
  }

  #become(state: ClientConnectionState): void {
    if (this.#state.kind === 'closed') return;
    this.#state = state;
    this.onState?.(state);
  }
}
