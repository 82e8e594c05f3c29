import { type Clock, type DurationMs, MeshError } from '@modelmesh/core';

/** How long whoever is asked may take to answer. */
export interface TimeLimit {
  readonly clock: Clock;
  readonly withinMs: DurationMs;
  /** Ends the wait earlier. */
  readonly signal?: AbortSignal;
}

/** Asks a peer, or the data plane. Its signal fires with `deadline-exceeded` when the time is over, and with that of the limit. */
export async function inTime<Answer>(
  { clock, withinMs, signal }: TimeLimit,
  ask: (limited: AbortSignal) => Promise<Answer>,
): Promise<Answer> {
  const timeout = new AbortController();
  const late = (): void => timeout.abort(new MeshError('deadline-exceeded', 'no answer came in time'));
  const timer = clock.after(withinMs, late);
  try {
    return await ask(signal === undefined ? timeout.signal : AbortSignal.any([signal, timeout.signal]));
  } finally {
    timer.cancel();
  }
}
