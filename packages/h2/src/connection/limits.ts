import { FRAME_PAYLOAD_BYTES_MAX } from '../frames/index.ts';

/** So many at once, and so many each second after it. */
export interface Rate {
  readonly burst: number;
  readonly perSecond: number;
}

/**
 * The limits of one connection. Each is enforced; what passes one is told by its name ({@link LimitName}) in the error and to
 * {@link ConnectionEvents.onLimit}, for a metric.
 */
export interface ConnectionLimits {
  /** Streams that the other side may have open at once; told in SETTINGS. More are refused with REFUSED_STREAM, safe to try again. */
  readonly streamsMax: number;
  /** Streams refused so before the connection ends: a peer that opens without end knows no limit (ENHANCE_YOUR_CALM). */
  readonly refusedStreams: Rate;
  /** RST_STREAM frames of the other side, and streams that we had to reset for its faults: rapid reset, and its reverse. */
  readonly resets: Rate;
  /** SETTINGS frames, whose answers cost us a frame each. */
  readonly settings: Rate;
  /** PING frames, whose answers cost us a frame each. */
  readonly pings: Rate;
  /** PRIORITY and PRIORITY_UPDATE frames, which ask for nothing that we do. */
  readonly priorities: Rate;
  /** DATA, HEADERS and CONTINUATION frames without payload that end nothing, and frames of unknown types. */
  readonly emptyFrames: Rate;
  /** WINDOW_UPDATE frames. */
  readonly windowUpdates: Rate;
  /** Octets of one header block as it came, over HEADERS and CONTINUATION. */
  readonly headerBlockBytesMax: number;
  /** CONTINUATION frames of one header block. */
  readonly continuationsMax: number;
  /**
   * Octets of one header list as RFC 9113 §6.5.2 counts them. SETTINGS tell {@link HEADER_EXCESS_BYTES_MAX} more, so that a list which is a
   * little too long comes and can be answered in words.
   */
  readonly headerListBytesMax: number;
  /** Octets of the names and values of a header list that we send. */
  readonly sentListBytesMax: number;
  /** Fields of one header list. */
  readonly headerFieldsMax: number;
  /** The dynamic table that the other side may use towards us; told in SETTINGS (RFC 7541 §4.2). */
  readonly headerTableBytesMax: number;
  /** Receive window of a stream at its start, in octets; told in SETTINGS. */
  readonly streamWindowBytes: number;
  /** To which a stream's window grows while both sides keep up and {@link ReceiveBudget.widens} allows it. */
  readonly streamWindowBytesMax: number;
  /** Receive window of the connection, in octets. */
  readonly connectionWindowBytes: number;
  /** Octets that may wait to be sent, of answers to control frames, while the other side does not read. */
  readonly unreadControlBytesMax: number;
  /** Octets of DATA that may be framed and wait for the socket; more stay with their streams. */
  readonly framedBytesMax: number;
  /** How long a stream may have data to send and no window for it. */
  readonly stallMsMax: number;
  /** How long the other side may take no octet of those that wait for it. */
  readonly unreadMsMax: number;
  /** How long a frame or a header block may stay in the middle; the payload of DATA takes the time that it takes. */
  readonly partialMsMax: number;
  /** Until the preface and the first SETTINGS have come, and until ours are acknowledged. */
  readonly settingsMsMax: number;
  /** Ids of streams that we have reset and of which late frames are ignored. */
  readonly rememberedResetsMax: number;
}

/** How far beyond its limit a header list is still asked for. */
export const HEADER_EXCESS_BYTES_MAX = 65_536;

/** Limits that RFC 9113 sets and nobody changes. */
export const FIXED_LIMITS = {
  /** Octets of a frame's payload (§4.2). A longer one ends the connection before it is read. */
  frameBytesMax: FRAME_PAYLOAD_BYTES_MAX,
  /**
   * Frames whose stream id breaks §5.1 and §5.1.1: an even id of a client, one that was used or passed over, one that nobody has opened, or a frame of the
   * connection on a stream and the reverse. The first one ends the connection.
   */
  misusedStreamIdsMax: 0,
} as const;

/** The name of a limit, as messages and metrics have it. */
export type LimitName = keyof ConnectionLimits | keyof typeof FIXED_LIMITS;

/** The limits that are rates. */
export type RateName = {
  [Name in keyof ConnectionLimits]: ConnectionLimits[Name] extends Rate ? Name : never;
}[keyof ConnectionLimits];

/** What holds unless somebody knows better. Rates are those of a busy mesh ten times over: they end attacks and nothing else. */
export const DEFAULT_CONNECTION_LIMITS: ConnectionLimits = {
  streamsMax: 1000,
  refusedStreams: { burst: 10_000, perSecond: 1000 },
  resets: { burst: 10_000, perSecond: 2000 },
  settings: { burst: 100, perSecond: 10 },
  pings: { burst: 1000, perSecond: 100 },
  priorities: { burst: 10_000, perSecond: 1000 },
  emptyFrames: { burst: 10_000, perSecond: 1000 },
  windowUpdates: { burst: 100_000, perSecond: 100_000 },
  headerBlockBytesMax: 131_072,
  continuationsMax: 16,
  headerListBytesMax: 65_536,
  sentListBytesMax: 131_072,
  headerFieldsMax: 1024,
  headerTableBytesMax: 4096,
  streamWindowBytes: 65_535,
  streamWindowBytesMax: 1_048_576,
  connectionWindowBytes: 4_194_304,
  unreadControlBytesMax: 1_048_576,
  framedBytesMax: 262_144,
  stallMsMax: 600_000,
  unreadMsMax: 300_000,
  partialMsMax: 10_000,
  settingsMsMax: 30_000,
  rememberedResetsMax: 1024,
};

/** A meter for each rate. */
export function makeMeters(limits: ConnectionLimits, nowMs: number): Record<RateName, RateMeter> {
  const meter = (name: RateName): RateMeter => new RateMeter(limits[name], nowMs);
  return {
    refusedStreams: meter('refusedStreams'),
    resets: meter('resets'),
    settings: meter('settings'),
    pings: meter('pings'),
    priorities: meter('priorities'),
    emptyFrames: meter('emptyFrames'),
    windowUpdates: meter('windowUpdates'),
  };
}

/** Counts against a {@link Rate}: a bucket that holds `burst` and is filled by `perSecond`. */
export class RateMeter {
  readonly #rate: Rate;
  #left: number;
  #filledMs: number;

  constructor(rate: Rate, nowMs: number) {
    this.#rate = rate;
    this.#left = rate.burst;
    this.#filledMs = nowMs;
  }

  /** Whether one more is within the rate. */
  allows(nowMs: number): boolean {
    const passedMs = nowMs - this.#filledMs;
    if (passedMs > 0) {
      this.#left = Math.min(this.#rate.burst, this.#left + (passedMs * this.#rate.perSecond) / 1000);
      this.#filledMs = nowMs;
    }
    if (this.#left < 1) return false;
    this.#left -= 1;
    return true;
  }
}
