/**
 * Loaded into every thread of a node by `--import`: makes a worker hang, or fall, when a file of that name appears in the folder that
 * `LAB_HANG_FOLDER` names. Nothing of it is in the node itself.
 */
import { existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { isMainThread, workerData } from 'node:worker_threads';

const folder = process.env.LAB_HANG_FOLDER;
const worker: unknown = typeof workerData === 'object' && workerData !== null ? Reflect.get(workerData, 'worker') : undefined;

/** Whether the file was there; it is not any more. */
function taken(name: string): boolean {
  const path = join(folder ?? '', name);
  if (!existsSync(path)) return false;
  rmSync(path);
  return true;
}

if (!isMainThread && folder !== undefined && typeof worker === 'number') {
  setInterval(() => {
    if (taken(`fall-${worker}`)) throw new Error('this worker was told to fall');
    // Nothing but its end ends it.
    if (taken(`hang-${worker}`)) for (;;);
  }, 20).unref();
}
