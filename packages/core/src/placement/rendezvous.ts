import type { InstanceId, ModelKey, Namespace } from '../units.ts';

const FNV_OFFSET = 0x811c9dc5;
const FNV_PRIME = 0x01000193;

/** FNV-1a over the UTF-16 units of a text, continued from `hash`. */
function fnv(hash: number, text: string): number {
  let mixed = hash;
  for (let at = 0; at < text.length; at++) mixed = Math.imul(mixed ^ text.charCodeAt(at), FNV_PRIME);
  return Math.imul(mixed ^ 0xffff, FNV_PRIME);
}

/** Spreads a difference in any bit over all of them, as FNV alone does not (the finish of MurmurHash3). */
function finish(hash: number): number {
  let mixed = hash;
  mixed = Math.imul(mixed ^ (mixed >>> 16), 0x85ebca6b);
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
  return (mixed ^ (mixed >>> 16)) >>> 0;
}

/**
 * How strongly a model and an instance belong together: a number from 0 to 2³² − 1 that every node computes alike. Among instances that are
 * equally good the one with the highest is chosen (rendezvous hashing): nodes that see the same cluster choose the same instance for a model,
 * models spread evenly over instances, and an instance that comes or goes moves only what falls to it.
 */
export function affinity(namespace: Namespace, model: ModelKey): (instance: InstanceId) => number {
  const ofModel = fnv(fnv(FNV_OFFSET, namespace), model);
  return (instance) => finish(fnv(ofModel, instance));
}
