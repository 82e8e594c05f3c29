import type { Clock } from '@modelmesh/core';
import { createFrameEngine, type StreamEngine } from '@modelmesh/grpc/stream';

/** A rate that nothing reaches. */
const UNBOUNDED = { burst: Number.MAX_SAFE_INTEGER, perSecond: Number.MAX_SAFE_INTEGER };

/**
 * The engine of the connections between a worker and control. All clients of a worker share one: what a single client may do is bounded at its own
 * connection, and rates of all together must not end this one with everybody's streams.
 */
export const createRelayEngine = (clock: Clock): StreamEngine =>
  createFrameEngine({
    clock,
    connectionLimits: {
      refusedStreams: UNBOUNDED,
      resets: UNBOUNDED,
      emptyFrames: UNBOUNDED,
      windowUpdates: UNBOUNDED,
    },
  });
