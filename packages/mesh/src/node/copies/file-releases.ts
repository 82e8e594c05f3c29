import type { ModelKey } from '@modelmesh/core';
import type { ReachedLimits } from '../reached-limits.ts';

/** Models whose files wait to be given back; those of further ones stay, as with a runtime that cannot give any back. */
export const FILE_RELEASES_MAX = 10_000;

/** What is asked for each model, and whether it is still to be asked when its turn comes. */
export interface FileReleasesParts {
  /** Whether the model is registered no more and nothing of it is here. */
  isGone(model: ModelKey): boolean;
  /** Asks the runtime; may fail. */
  release(model: ModelKey): Promise<void>;
  readonly limits: ReachedLimits;
}

/**
 * Gives back the files of models that were unregistered, one model at a time, so that thousands unregistered at once are no burst of calls to the
 * runtime. Nobody waits for it and nothing depends on it: a runtime that cannot, or does not answer, keeps its files.
 */
export class FileReleases {
  readonly #parts: FileReleasesParts;
  readonly #waiting = new Set<ModelKey>();
  #running = false;

  constructor(parts: FileReleasesParts) {
    this.#parts = parts;
  }

  /** The model was unregistered, or the last of it left: its files go if both are so. */
  add(model: ModelKey): void {
    if (!this.#parts.isGone(model)) return;
    if (this.#waiting.size >= FILE_RELEASES_MAX && !this.#waiting.has(model)) {
      this.#parts.limits.add('file-releases');
      return;
    }
    this.#waiting.add(model);
    if (!this.#running) void this.#run();
  }

  /** Forgets those whose turn has not come. */
  close(): void {
    this.#waiting.clear();
  }

  async #run(): Promise<void> {
    this.#running = true;
    for (const model of this.#waiting) {
      this.#waiting.delete(model);
      // It may have been registered again while others had their turn.
      if (this.#parts.isGone(model)) await this.#parts.release(model).catch(() => {});
    }
    this.#running = false;
  }
}
