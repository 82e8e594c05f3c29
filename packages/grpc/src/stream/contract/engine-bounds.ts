import type { StreamLimitName } from '../limits.ts';
import type { StreamEngine } from '../port.ts';

/** What a test may want of an engine. */
export interface EngineBounds {
  readonly connectionUnconsumedBytesMax?: number;
  readonly onLimit?: (limit: StreamLimitName) => void;
}

/** Makes an engine of the kind that keeps the contract. */
export type MakeEngine = (bounds?: EngineBounds) => StreamEngine;
