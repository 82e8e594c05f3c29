import { DEFAULT_WINDOW_BYTES, ERROR_CODE, FRAME_PAYLOAD_BYTES_MAX, INT31_MAX, SETTING, uint32At } from '../frames/index.ts';
import type { ConnectionError } from './errors.ts';
import { type ConnectionLimits, HEADER_EXCESS_BYTES_MAX } from './limits.ts';

/** What the other side has asked for (RFC 9113 §6.5.2); until it asks, what the RFC has. */
export interface PeerSettings {
  headerTableBytes: number;
  streamsMax: number;
  streamWindowBytes: number;
}

const FRAME_PAYLOAD_LIMIT = 0xff_ffff;

/** Before its first SETTINGS. */
export function initialPeerSettings(): PeerSettings {
  return {
    headerTableBytes: 4096,
    streamsMax: Number.POSITIVE_INFINITY,
    streamWindowBytes: DEFAULT_WINDOW_BYTES,
  };
}

/** What we ask for, flat; `side` decides what is ours to say. */
export function ownSettings(limits: ConnectionLimits, side: 'client' | 'server'): number[] {
  return [
    ...(side === 'client' ? [SETTING.enablePush, 0] : [SETTING.maxConcurrentStreams, limits.streamsMax]),
    SETTING.headerTableSize,
    limits.headerTableBytesMax,
    SETTING.initialWindowSize,
    limits.streamWindowBytes,
    SETTING.maxHeaderListSize,
    limits.headerListBytesMax + HEADER_EXCESS_BYTES_MAX,
    SETTING.noRfc7540Priorities,
    1,
  ];
}

function breach(code: number, message: string): ConnectionError {
  return { kind: 'connection', code, message, limit: undefined };
}

function applyOne(
  settings: PeerSettings,
  from: 'client' | 'server',
  identifier: number,
  value: number,
): ConnectionError | undefined {
  switch (identifier) {
    case SETTING.headerTableSize:
      settings.headerTableBytes = value;
      return undefined;
    case SETTING.enablePush:
      if (value === 0 || (value === 1 && from === 'client')) return undefined;
      return breach(ERROR_CODE.protocolError, `ENABLE_PUSH of a ${from} is ${value}`);
    case SETTING.maxConcurrentStreams:
      settings.streamsMax = value;
      return undefined;
    case SETTING.initialWindowSize:
      if (value > INT31_MAX) return breach(ERROR_CODE.flowControlError, `INITIAL_WINDOW_SIZE is ${value}`);
      settings.streamWindowBytes = value;
      return undefined;
    case SETTING.maxFrameSize:
      // Ours never are longer than what everybody takes.
      if (value >= FRAME_PAYLOAD_BYTES_MAX && value <= FRAME_PAYLOAD_LIMIT) return undefined;
      return breach(ERROR_CODE.protocolError, `MAX_FRAME_SIZE is ${value}`);
    case SETTING.noRfc7540Priorities:
      return value > 1 ? breach(ERROR_CODE.protocolError, `NO_RFC7540_PRIORITIES is ${value}`) : undefined;
    default:
      return undefined;
  }
}

/** Takes over the settings of a frame, in order (RFC 9113 §6.5.3). Returns what is wrong with them. */
export function applySettings(
  settings: PeerSettings,
  from: 'client' | 'server',
  bytes: Uint8Array,
  start: number,
  end: number,
): ConnectionError | undefined {
  for (let at = start; at < end; at += 6) {
    const identifier = ((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0);
    const fault = applyOne(settings, from, identifier, uint32At(bytes, at + 2));
    if (fault !== undefined) return fault;
  }
  return undefined;
}
