/** Builds and packs the public packages, as they would be published. */
import { globSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { ROOT } from '../run-steps.ts';
import { succeed } from './outside.ts';

const PACK_TIMEOUT_MS = 60_000;
const BUILD_TIMEOUT_MS = 180_000;

/** One packed package. */
export interface Tarball {
  readonly name: string;
  readonly path: string;
  /** Compressed. */
  readonly bytes: number;
  /** Paths inside, relative to the package. */
  readonly files: readonly string[];
}

/** Folders of the packages that are published. */
export const publicPackages = (): readonly string[] =>
  globSync('packages/*/package.json', { cwd: ROOT })
    .filter((path) => JSON.parse(readFileSync(join(ROOT, path), 'utf8')).private !== true)
    .map((path) => join(ROOT, dirname(path)))
    .toSorted();

/** Builds the repository and packs every public package into `folder`. @throws with the output of the step that failed */
export async function packAll(folder: string): Promise<readonly Tarball[]> {
  const build = ['--conditions=mesh-source', 'tools/build.ts'];
  await succeed([process.execPath], build, { cwd: ROOT, timeoutMs: BUILD_TIMEOUT_MS });
  const tarballs: Tarball[] = [];
  for (const cwd of publicPackages()) {
    const args = ['pack', '--ignore-scripts', '--json', '--pack-destination', folder];
    tarballs.push(tarballOf(folder, (await succeed(['npm'], args, { cwd, timeoutMs: PACK_TIMEOUT_MS })).out));
  }
  return tarballs;
}

interface Packed {
  readonly name: string;
  readonly filename: string;
  readonly size: number;
  readonly files: readonly { readonly path: string }[];
}

/** npm 12 and newer answers with an object by name, older ones with a list. */
function tarballOf(folder: string, json: string): Tarball {
  const parsed: readonly Packed[] | Readonly<Record<string, Packed>> = JSON.parse(json);
  const [packed] = Object.values(parsed);
  if (packed === undefined) throw new Error(`npm pack said nothing of what it packed: ${json}`);
  const { name, filename, size, files } = packed;
  return { name, path: join(folder, filename), bytes: size, files: files.map(({ path }) => path) };
}
