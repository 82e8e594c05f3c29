import { ERROR_CODE, FLAG, INT31_MAX, uint32At, writePing, writeSettingsAck } from '../frames/index.ts';
import type { ConnectionContext } from './context.ts';
import type { Sender } from './sender.ts';
import { applySettings, type PeerSettings } from './settings.ts';
import type { StreamDesk } from './stream-desk.ts';
import type { Streams } from './streams.ts';

const SETTING_BYTES = 6;
const PING_BYTES = 8;
const PRIORITY_BYTES = 5;
const ID_MASK = 0x7fff_ffff;

/** What of a connection the frames that carry no message speak of. */
export interface ControlParts {
  readonly streams: Streams;
  readonly desk: StreamDesk;
  readonly sender: Sender;
  readonly peer: PeerSettings;
}

/** Takes the frames in that carry no message and concern windows, settings and streams. Each returns nothing; faults end what they concern. */
export class ControlFrames {
  readonly #context: ConnectionContext;
  readonly #streams: Streams;
  readonly #desk: StreamDesk;
  readonly #sender: Sender;
  readonly #peer: PeerSettings;

  constructor(context: ConnectionContext, { streams, desk, sender, peer }: ControlParts) {
    this.#context = context;
    this.#streams = streams;
    this.#desk = desk;
    this.#sender = sender;
    this.#peer = peer;
  }

  /** SETTINGS without ACK (RFC 9113 §6.5). False: the connection is over. */
  onSettings(streamId: number, bytes: Uint8Array, start: number, end: number): boolean {
    const context = this.#context;
    if (streamId !== 0) context.misused(`SETTINGS on stream ${streamId}`);
    else if ((end - start) % SETTING_BYTES !== 0) context.fail(ERROR_CODE.frameSizeError, `SETTINGS of ${end - start} bytes`);
    else if (context.meter('settings')) this.#applySettings(bytes, start, end);
    return !context.isOver;
  }

  #applySettings(bytes: Uint8Array, start: number, end: number): void {
    const before = this.#peer.streamWindowBytes;
    const tableBefore = this.#peer.headerTableBytes;
    const fault = applySettings(this.#peer, this.#context.side === 'client' ? 'server' : 'client', bytes, start, end);
    if (fault !== undefined) {
      this.#context.fail(fault.code, fault.message);
      return;
    }
    if (this.#peer.headerTableBytes !== tableBefore) this.#sender.encoder.setPeerTableBytesMax(this.#peer.headerTableBytes);
    writeSettingsAck(this.#sender.output.writer);
    const shift = this.#peer.streamWindowBytes - before;
    this.#sender.streamWindowBytes = this.#peer.streamWindowBytes;
    if (shift !== 0 && !this.#desk.shiftWindows(shift)) {
      this.#context.fail(ERROR_CODE.flowControlError, `INITIAL_WINDOW_SIZE moves a window above ${INT31_MAX}`);
    }
    this.#context.work();
  }

  /** PING without ACK (RFC 9113 §6.7): answered with the same octets. */
  onPing(bytes: Uint8Array, start: number): void {
    if (!this.#context.meter('pings')) return;
    writePing(this.#sender.output.writer, FLAG.ack, bytes, start);
    this.#context.work();
  }

  /** Whether a PING is as RFC 9113 §6.7 wants it; otherwise the connection is over. */
  isPing(streamId: number, length: number): boolean {
    if (streamId !== 0) this.#context.misused(`PING on stream ${streamId}`);
    else if (length !== PING_BYTES) this.#context.fail(ERROR_CODE.frameSizeError, `PING of ${length} bytes`);
    return !this.#context.isOver;
  }

  /** WINDOW_UPDATE (RFC 9113 §6.9). */
  onWindowUpdate(streamId: number, bytes: Uint8Array, start: number, end: number): void {
    const context = this.#context;
    if (end - start !== 4) {
      context.fail(ERROR_CODE.frameSizeError, `WINDOW_UPDATE of ${end - start} bytes`);
      return;
    }
    if (!context.meter('windowUpdates')) return;
    const credit = uint32At(bytes, start) & ID_MASK;
    if (streamId === 0) {
      if (credit === 0) context.fail(ERROR_CODE.protocolError, 'WINDOW_UPDATE of 0 for the connection');
      else if (!this.#sender.connectionCredit(credit)) {
        context.fail(ERROR_CODE.flowControlError, `the window of the connection is above ${INT31_MAX}`);
      } else context.work();
      return;
    }
    const stream = this.#streams.get(streamId);
    if (stream === undefined) this.#mustNotBeIdle(streamId, 'WINDOW_UPDATE');
    else if (credit === 0) this.#desk.breach(stream, ERROR_CODE.protocolError, 'WINDOW_UPDATE of 0');
    else if (!this.#sender.streamCredit(stream, credit)) {
      this.#desk.breach(stream, ERROR_CODE.flowControlError, `the window of the stream is above ${INT31_MAX}`);
    } else context.work();
  }

  /** RST_STREAM (RFC 9113 §6.4). */
  onRstStream(streamId: number, bytes: Uint8Array, start: number, end: number): void {
    const context = this.#context;
    if (end - start !== 4) {
      context.fail(ERROR_CODE.frameSizeError, `RST_STREAM of ${end - start} bytes`);
      return;
    }
    if (streamId === 0) {
      context.misused('RST_STREAM on stream 0');
      return;
    }
    const stream = this.#streams.get(streamId);
    if (stream === undefined) this.#mustNotBeIdle(streamId, 'RST_STREAM');
    if (context.isOver || !context.meter('resets') || stream === undefined) return;
    const code = uint32At(bytes, start);
    this.#desk.finish(
      stream,
      code === ERROR_CODE.refusedStream && context.side === 'client'
        ? { kind: 'unprocessed', why: 'refused-stream' }
        : { kind: 'peer-reset', code },
    );
  }

  /** PRIORITY (RFC 9113 §6.3): read for its faults, then ignored. */
  onPriority(streamId: number, bytes: Uint8Array, start: number, end: number): void {
    const context = this.#context;
    if (streamId === 0) {
      context.misused('PRIORITY on stream 0');
      return;
    }
    if (!context.meter('priorities')) return;
    const dependsOnItself = end - start === PRIORITY_BYTES && (uint32At(bytes, start) & ID_MASK) === streamId;
    if (end - start === PRIORITY_BYTES && !dependsOnItself) return;
    const code = dependsOnItself ? ERROR_CODE.protocolError : ERROR_CODE.frameSizeError;
    const message = dependsOnItself ? 'the stream depends on itself' : `PRIORITY of ${end - start} bytes`;
    const stream = this.#streams.get(streamId);
    if (stream !== undefined) this.#desk.breach(stream, code, message);
    // RST_STREAM is no frame for streams that nobody has opened (RFC 9113 §6.4).
    else if (this.#streams.meaningOf(streamId) === 'idle') context.fail(code, message);
    else this.#desk.refuse(streamId, code);
  }

  /** PRIORITY_UPDATE (RFC 9218 §7.1): a client's, of a stream that is named in it; read for its faults, then ignored. */
  onPriorityUpdate(streamId: number, bytes: Uint8Array, start: number, end: number): void {
    const context = this.#context;
    if (streamId !== 0) context.misused(`PRIORITY_UPDATE on stream ${streamId}`);
    else if (end - start < 4) context.fail(ERROR_CODE.frameSizeError, `PRIORITY_UPDATE of ${end - start} bytes`);
    else if (context.side === 'client' || (uint32At(bytes, start) & ID_MASK) === 0) {
      context.misused('PRIORITY_UPDATE of no stream of a client');
    } else context.meter('priorities');
  }

  #mustNotBeIdle(streamId: number, frame: string): void {
    if (this.#streams.meaningOf(streamId) !== 'idle') return;
    this.#context.misused(`${frame} on stream ${streamId}, which nobody has opened`);
  }
}
