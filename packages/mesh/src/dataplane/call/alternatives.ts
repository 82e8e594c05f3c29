/** Where else a call may go, as this worker sees it. */
import type { InstanceId, ModelKey } from '@modelmesh/core';
import type { PeerLink, ReturnWaiter } from '../peers/index.ts';
import type { AttemptLog } from './attempt-log.ts';
import { ASSUME_LOADED_AFTER_MS } from './copy-chooser.ts';
import type { PeerAttempt } from './peer-attempt.ts';
import type { Plane } from './plane.ts';

/** Whether another instance than `asked` may have, or load, a copy for the call. */
export function isElsewhere(
  { peers, instance: here }: Plane,
  _model: ModelKey,
  { excluded }: AttemptLog,
  asked: InstanceId,
): boolean {
  if (peers === null || !peers.any) return false;
  if (asked !== here && !excluded.has(here)) return true;
  return peers.anyBut(excluded, asked);
}

/** Whether the call may go to a copy that it has not tried, here or at another instance than `asked`. */
export function isCopyBesides(plane: Plane, model: ModelKey, { tried }: AttemptLog, asked: InstanceId): boolean {
  const route = plane.routes.model(model);
  if (route === undefined) return false;
  if (route.local !== null && !tried.has(plane.instance)) return true;
  return route.remote.some(
    ({ instance }) => instance !== asked && !tried.has(instance) && plane.peers?.standing(instance) === 'ready',
  );
}

/**
 * Whether the peer may still be loading the model. It is not left for an instance without a copy then, which would begin the same load anew, node
 * after node; that the peer is gone shows in its pings.
 */
export function mayBeLoading({ routes, clock }: Plane, model: ModelKey, { instance: asked, intent }: PeerAttempt): boolean {
  const copy = routes.model(model)?.remote.find(({ instance }) => instance === asked);
  return intent === 'load' || copy === undefined || clock.wallMs() - copy.sinceMs < ASSUME_LOADED_AFTER_MS;
}

/** Waits for an instance with a copy that has just stopped answering; `undefined`: there is none. */
export function awaitHolder({ routes, peers }: Plane, model: ModelKey, waiter: ReturnWaiter): PeerLink | undefined {
  for (const { instance } of routes.model(model)?.remote ?? []) {
    const link = peers?.awaitReturn(instance, waiter);
    if (link !== undefined) return link;
  }
  return undefined;
}
