import { durationMs } from '@modelmesh/core';

/** How long a member may take to connect, to sign the node in and to show that it can read: more, and the next one is tried. */
export const MEMBER_TRY_MS = durationMs(1500);
/** Pauses between rounds over all members while none answers. */
export const ROUND_PAUSE_MIN_MS = durationMs(100);
export const ROUND_PAUSE_MAX_MS = durationMs(1000);
/** How long a call waits for a connection that is being made before it is refused. */
export const READY_WAIT_MS = durationMs(2000);
/** How long opening the registry tries: with the start of the program it has to end within five seconds (spec `modelmesh.md` §8). */
export const OPEN_MS = durationMs(2000);
/** How long one call may take over all its tries. */
export const READ_MS = durationMs(5000);
export const WRITE_MS = durationMs(5000);
/** A member is asked for its state this often; one that is silent for so many periods on end is left. */
export const BEAT_MS = durationMs(1000);
export const SILENT_BEATS_MAX = 2;
/** Pause before a call is made again that a member refused for the moment. */
export const RETRY_PAUSE_MS = durationMs(50);
/** The largest answer: a page, or the pieces of one revision. */
export const ANSWER_BYTES_MAX = 32 * 1024 * 1024;
/** Reads and leases that are on their way at once; the others wait. */
export const CALLS_MAX = 512;
/** Commits that are on their way at once, each of as many transactions as go together. */
export const COMMITS_MAX = 2;
/** Writer keys of a client: as many as it begins with, and as many as it makes when commits wait because others are not settled. */
export const WRITERS_MIN = 4;
export const WRITERS_MAX = 64;
/** Life of the writer keys after their client ended without a word, and how often they are kept alive. */
export const WRITERS_TTL_MS = durationMs(60_000);
export const WRITERS_KEEP_ALIVE_MS = durationMs(20_000);
/** Settled outcomes that are remembered for `resolve`. */
export const RESOLUTIONS_MAX = 4096;
/** How often a transaction is sent anew after an answer that proves that it had no effect. */
export const TRIES_MAX = 8;
/** Pauses between tries to watch again after the stream of watches broke. */
export const STREAM_PAUSE_MIN_MS = durationMs(20);
export const STREAM_PAUSE_MAX_MS = durationMs(1000);
/** How long closing waits for what was accepted. */
export const CLOSE_MS = durationMs(2000);
