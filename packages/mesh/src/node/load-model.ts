import { assertNever, epochMs, MeshError, type ModelKey } from '@modelmesh/core';
import type { Control } from './control.ts';

/** Loads a model and waits for it. @throws {MeshError} `model-not-found`, `load-failed` with what the runtime said, `unavailable`. */
export async function loadModel(control: Control, key: ModelKey, signal: AbortSignal): Promise<void> {
  const { status, errors } = await control.ensureLoaded(key, epochMs(0), true, signal);
  switch (status) {
    case 'LOADED':
      return;
    case 'LOADING_FAILED':
      throw new MeshError('load-failed', `model ${key} failed to load: ${errors[0] ?? 'no reason was given'}`);
    case 'NOT_FOUND':
      throw new MeshError('model-not-found', 'model not found');
    case 'LOADING':
    case 'NOT_LOADED':
    case 'UNKNOWN':
      throw new MeshError('unavailable', `model ${key} is not loaded (${status}); try again`);
    default:
      assertNever(status);
  }
}
