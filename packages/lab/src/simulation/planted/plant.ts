import { registerHooks } from 'node:module';
import { fileURLToPath } from 'node:url';
import type { PlantedBug } from './bug.ts';

const ROOT = new URL('../../../../../', import.meta.url);

/** Where the file of a bug lies. */
export const fileOf = ({ file }: PlantedBug): URL => new URL(file, ROOT);

/** The text with the mistake in it. @throws {Error} unless the old text stands there exactly once */
export function withBug({ file, was, becomes, name }: PlantedBug, text: string): string {
  const parts = text.split(was);
  if (parts.length !== 2)
    throw new Error(
      `${name}: its old text stands ${parts.length - 1} times in ${file}; the code has changed, choose the text anew`,
    );
  return parts.join(becomes);
}

/** From now on the file is loaded with the mistake. The returned function says whether it was loaded. */
export function plant(bug: PlantedBug): () => boolean {
  const path = fileURLToPath(fileOf(bug));
  let loaded = false;
  registerHooks({
    load: (url, context, nextLoad) => {
      const result = nextLoad(url, context);
      if (!url.startsWith('file:') || fileURLToPath(url) !== path) return result;
      loaded = true;
      return { ...result, source: withBug(bug, String(result.source)) };
    },
  });
  return () => loaded;
}
