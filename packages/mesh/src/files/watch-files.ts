import { type FSWatcher, watch } from 'node:fs';
import { dirname } from 'node:path';
import { type Clock, type DurationMs, durationMs, type Timer } from '@modelmesh/core';

/** A change is told when nothing more happened for this time: whoever writes several files is most likely done. */
export const SETTLE_MS: DurationMs = durationMs(100);
/** But no later than this after it began: other programs may write to the same folder all the time. */
export const SETTLE_MAX_MS: DurationMs = durationMs(1000);

/**
 * Calls `changed` after something happened in the folders of `paths`, and in those paths that are folders themselves. Folders, because
 * Kubernetes replaces a secret or a ConfigMap by swapping the symbolic link `..data` beside the files. What changed, if anything, is for
 * the caller to see; one change may be told twice. The returned function ends it.
 *
 * A folder that cannot be watched is left out: files that cannot be read are reported by whoever reads them.
 */
export function watchFiles(paths: readonly string[], clock: Clock, changed: () => void): () => void {
  const folders = new Set([...paths.map((path) => dirname(path)), ...paths]);
  const watchers: FSWatcher[] = [];
  let settling: Timer | undefined;
  let latestMs = 0;
  const settled = (): void => {
    settling = undefined;
    changed();
  };
  const touched = (): void => {
    const nowMs = clock.monotonicMs();
    if (settling === undefined) latestMs = nowMs + SETTLE_MAX_MS;
    settling?.cancel();
    settling = clock.after(durationMs(Math.max(0, Math.min(SETTLE_MS, latestMs - nowMs))), settled);
  };
  for (const folder of folders) {
    try {
      const watcher = watch(folder, { persistent: false }, touched);
      watcher.on('error', () => watcher.close());
      watchers.push(watcher);
    } catch {
      // Said where the file is read.
    }
  }
  return () => {
    settling?.cancel();
    for (const watcher of watchers) watcher.close();
  };
}
