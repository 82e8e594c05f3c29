import { type DurationMs, durationMs } from '@modelmesh/core';

const MIB = 1024 * 1024;

/** Bounds of what one worker does for shadows. What is beyond one is dropped, counted by its cause, and never felt by a caller. */
export interface ShadowLimits {
  /** Bytes of one call's request and answer together, and of its shadow's answer; one that is larger is not mirrored. */
  readonly callBytesMax: number;
  /** Bytes that are kept for all calls together. */
  readonly bytesMax: number;
  /** Calls that are over and wait for their shadow. */
  readonly queuedMax: number;
  /** Shadows that run, or whose answer is being compared, at the same time. */
  readonly concurrencyMax: number;
  /** Time that a shadow has, a load of its copy included. */
  readonly timeoutMs: DurationMs;
}

/** The bounds unless configured otherwise. */
export const SHADOW_LIMITS: ShadowLimits = {
  callBytesMax: MIB,
  bytesMax: 64 * MIB,
  queuedMax: 1000,
  concurrencyMax: 4,
  timeoutMs: durationMs(30_000),
};
