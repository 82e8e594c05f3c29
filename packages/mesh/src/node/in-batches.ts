import { type MeshError, toMeshError } from '@modelmesh/core';

/**
 * Does `work` for every item, a bounded number at a time, in their order; begins no further batch once `signal` fires. Answers with the errors:
 * one item that fails holds up no other.
 */
export async function inBatches<Item>(
  items: readonly Item[],
  atOnce: number,
  signal: AbortSignal,
  work: (item: Item) => Promise<unknown>,
): Promise<readonly MeshError[]> {
  const errors: MeshError[] = [];
  for (let from = 0; from < items.length && !signal.aborted; from += atOnce) {
    const ended = await Promise.allSettled(items.slice(from, from + atOnce).map(work));
    for (const one of ended) if (one.status === 'rejected') errors.push(toMeshError(one.reason));
  }
  return errors;
}
