import type { KvOperation } from '../port.ts';
import { put, remove } from './writing.ts';

/** Keys of the workload, besides the one that every step writes. */
const KEYS = 9;

/** The text that step `step` writes: from nothing to 12 000 characters, and telling of the step all over. */
const textOf = (step: number): string => `${step};`.repeat(((step * 7919) % 2000) + 1);

/**
 * The writes of one step, which always change something: on a store that was empty and saw these steps alone, the revision is the
 * number of steps, and {@link stateAfter} says everything about it.
 */
export function operationsOf(step: number): KvOperation[] {
  const key = `key-${step % KEYS}`;
  const changes = step % 4 === 3 ? [remove(key)] : [put(key, textOf(step))];
  return [put('step', String(step)), ...changes, put(`key-${(step * 5 + 1) % KEYS}-b`, String(step))];
}

/** What the store holds after that many steps. */
export function stateAfter(steps: number): Map<string, string> {
  const state = new Map<string, string>();
  for (let step = 1; step <= steps; step++) {
    for (const operation of operationsOf(step)) {
      if (operation.kind === 'put') state.set(operation.key, operation.value);
      else state.delete(operation.key);
    }
  }
  return state;
}
