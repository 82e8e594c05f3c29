/** Where else a call may go, as this worker sees it. */
import type { InstanceId, ModelKey } from '@modelmesh/core';
import type { Evidence } from '@modelmesh/core/routing';
import type { PeerLink, ReturnWaiter } from '../peers/index.ts';
import type { Attempt } from './attempt.ts';
import type { AttemptLog } from './attempt-log.ts';
import { ASSUME_LOADED_AFTER_MS } from './copy-chooser.ts';
import { PeerAttempt } from './peer-attempt.ts';
import type { Plane } from './plane.ts';

/** Whether another instance than `asked` may have, or load, a copy for the call. */
export function isElsewhere({ peers, instance: here }: Plane, { excluded }: AttemptLog, asked: InstanceId): boolean {
  if (peers === null || !peers.any) return false;
  if (asked !== here && !excluded.has(here)) return true;
  return peers.anyBut(excluded, asked);
}

/** Whether the call may go to a copy that it has not tried, here or at another instance than `asked`. */
export function isCopyBesides(plane: Plane, model: ModelKey, log: AttemptLog, asked: InstanceId): boolean {
  const isHere = plane.routes.model(model)?.local != null && !log.tried.has(plane.instance);
  return isHere || isCopyElsewhere(plane, model, log, asked);
}

/** Leaves the copy here, whose runtime is away, for one elsewhere. False: there is none that answers. */
export function turnsElsewhere(plane: Plane, model: ModelKey, log: AttemptLog): boolean {
  if (!isCopyElsewhere(plane, model, log)) return false;
  log.tryNoMore(plane.instance);
  return true;
}

/** Whether the call may go to a copy at another instance than this one and `asked` that it has not tried. */
function isCopyElsewhere({ routes, peers }: Plane, model: ModelKey, { tried }: AttemptLog, asked?: InstanceId): boolean {
  const others = routes.model(model)?.remote ?? [];
  return others.some(({ instance }) => instance !== asked && !tried.has(instance) && peers?.standing(instance) === 'ready');
}

/**
 * Whether the peer may still be loading the model. It is not left for an instance without a copy then, which would begin the same load anew, node
 * after node; that the peer is gone shows in its pings.
 */
export function mayBeLoading({ routes, clock }: Plane, model: ModelKey, { instance: asked, intent }: PeerAttempt): boolean {
  const copy = routes.model(model)?.remote.find(({ instance }) => instance === asked);
  return intent === 'load' || copy === undefined || clock.wallMs() - copy.sinceMs < ASSUME_LOADED_AFTER_MS;
}

/**
 * Notes what an attempt that ended says of a copy at `instance`. One that did not load the model is not asked again, unless it claims a copy
 * after this: then it loads it for somebody else.
 */
export function noteAbsence(
  { routes }: Plane,
  model: ModelKey,
  log: AttemptLog,
  {
    instance,
    evidence,
    attempt,
  }: { readonly instance: InstanceId; readonly evidence: Evidence; readonly attempt: Attempt | undefined },
): void {
  const wasForwarded = attempt instanceof PeerAttempt && evidence.kind === 'not-here';
  const wasToLoad = wasForwarded && attempt.intent === 'load';
  if (wasForwarded && !wasToLoad) log.tryNoMore(instance);
  if (wasToLoad) log.exclude(instance);
  if (!wasToLoad && evidence.kind !== 'load-failed') return;
  log.refusedBy(instance, routes.model(model)?.remote.find((copy) => copy.instance === instance)?.sinceMs ?? null);
}

/** Waits for an instance with a copy that has just stopped answering; `undefined`: there is none. */
export function awaitHolder({ routes, peers }: Plane, model: ModelKey, waiter: ReturnWaiter): PeerLink | undefined {
  for (const { instance } of routes.model(model)?.remote ?? []) {
    const link = peers?.awaitReturn(instance, waiter);
    if (link !== undefined) return link;
  }
  return undefined;
}
