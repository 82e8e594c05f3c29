import type { Clock, DurationMs } from '@modelmesh/core';
import type { ConnectionLimits, OwnershipLedger } from '@modelmesh/h2/connection';
import { CONNECT_TIMEOUT_MS, CONNECTION_UNCONSUMED_BYTES_MAX, type StreamLimitName, UNCONSUMED_BYTES_MAX } from '../limits.ts';
import { PoisonLedger } from '../ownership.ts';
import type { StreamEngine, StreamLimits } from '../port.ts';
import { ReceiveBudget } from '../receive-budget.ts';
import { FrameClientConnection } from './client.ts';
import { FrameServerConnection } from './server.ts';
import { Turns } from './turns.ts';

/** What the engine needs, and its debug mode. */
export interface FrameEngineOptions {
  readonly clock: Clock;
  /** Until the peer's HTTP/2 settings have come; 10 s unless given. */
  readonly connectTimeoutMs?: DurationMs;
  /** Delivered and unconsumed bytes of one connection; above, the longest stalled stream is reset. 64 MiB unless given. */
  readonly connectionUnconsumedBytesMax?: number;
  /** The same over all connections of this engine. 256 MiB unless given. */
  readonly unconsumedBytesMax?: number;
  /** What differs from the limits of a connection; those of the stream port outrank it. */
  readonly connectionLimits?: Partial<ConnectionLimits>;
  /** Hears each time that a limit refused or ended something. */
  readonly onLimit?: (limit: StreamLimitName) => void;
  /** Overwrites consumed and sent buffers, so that use after ownership ended shows at once. For tests. */
  readonly poison?: boolean;
}

/** What a connection of the engine is made of. */
export interface FrameSetup {
  readonly limits: StreamLimits;
  readonly connectionLimits: Partial<ConnectionLimits>;
  readonly budget: ReceiveBudget<StreamLimitName>;
  readonly turns: Turns;
  readonly clock: Clock;
  readonly connectTimeoutMs: DurationMs;
  readonly makeLedger: (() => OwnershipLedger) | undefined;
  readonly onLimit: ((limit: StreamLimitName) => void) | undefined;
}

/** The stream port on frames of our own (`@modelmesh/h2`). */
export function createFrameEngine(options: FrameEngineOptions): StreamEngine {
  const {
    clock,
    poison = false,
    connectTimeoutMs = CONNECT_TIMEOUT_MS,
    connectionUnconsumedBytesMax = CONNECTION_UNCONSUMED_BYTES_MAX,
    unconsumedBytesMax = UNCONSUMED_BYTES_MAX,
  } = options;
  const { onLimit } = options;
  const whole = new ReceiveBudget<StreamLimitName>('unconsumedBytesMax', unconsumedBytesMax, { onLimit });
  const turns = new Turns(clock);
  const setup = (limits: StreamLimits): FrameSetup => ({
    limits,
    connectionLimits: {
      ...options.connectionLimits,
      streamsMax: limits.streamsPerConnectionMax,
      headerListBytesMax: limits.headerListBytesMax,
      sentListBytesMax: limits.headerListBytesMax,
      streamWindowBytes: limits.streamWindowBytes,
      streamWindowBytesMax: Math.max(limits.streamWindowBytes, limits.streamWindowBytesMax),
      connectionWindowBytes: limits.connectionWindowBytes,
    },
    budget: new ReceiveBudget<StreamLimitName>('connectionUnconsumedBytesMax', connectionUnconsumedBytesMax, {
      parent: whole,
      onLimit,
    }),
    turns,
    clock,
    connectTimeoutMs,
    makeLedger: poison ? () => new PoisonLedger() : undefined,
    onLimit,
  });
  return {
    name: 'h2',
    serve: (socket, info, limits, accept, refuse) => new FrameServerConnection(socket, info, setup(limits), { accept, refuse }),
    connect: (target, limits) => new FrameClientConnection(target, setup(limits)),
  };
}
