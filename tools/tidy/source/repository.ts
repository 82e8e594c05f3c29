/** The text of the repository as the rules see it: from the disk, or from a record in a test of a rule. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Scan, scan } from './scan.ts';

/** What the rules need of a `package.json`. */
export interface Manifest {
  readonly name?: string;
  readonly private?: boolean;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly devDependencies?: Readonly<Record<string, string>>;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}

/** One file; `path` is relative to the root, with `/`. Code is scanned on first use. */
export class SourceFile {
  readonly path: string;
  readonly text: string;
  #scan: Scan | undefined;

  constructor(path: string, text: string) {
    this.path = path;
    this.text = text;
  }

  get scan(): Scan {
    this.#scan ??= scan(this.text);
    return this.#scan;
  }

  /** TypeScript or JavaScript that people wrote. */
  get isCode(): boolean {
    return /\.(ts|mts|mjs|js)$/.test(this.path) && !this.isGenerated;
  }

  /** Written by a code generator: lives in a folder `gen`. */
  get isGenerated(): boolean {
    return this.path.includes('/gen/');
  }

  /** A suite, or something that only suites use. */
  get isTest(): boolean {
    return this.isSuite || /\/(testing|contract)\/|(^|[/.])contract\.ts$/.test(this.path);
  }

  get isSuite(): boolean {
    return this.path.endsWith('.test.ts');
  }

  /** The package of `packages/<name>/src/…`, else `undefined`. */
  get package(): string | undefined {
    return /^packages\/([^/]+)\/src\//.exec(this.path)?.[1];
  }

  /** The path inside `src` of a package, else the whole path. */
  get inner(): string {
    return this.path.replace(/^packages\/[^/]+\/src\//, '');
  }
}

/** All files by path. */
export class Repository {
  readonly files: ReadonlyMap<string, SourceFile>;

  constructor(texts: Readonly<Record<string, string>>) {
    this.files = new Map(Object.entries(texts).map(([path, text]) => [path, new SourceFile(path, text)]));
  }

  get code(): readonly SourceFile[] {
    return [...this.files.values()].filter((file) => file.isCode);
  }

  /** Names of the folders below `packages`. */
  get packages(): readonly string[] {
    const names = [...this.files.keys()].map((path) => /^packages\/([^/]+)\//.exec(path)?.[1]);
    return [...new Set(names.filter((name) => name !== undefined))];
  }

  /** The parsed `package.json` of a package, or of the root for `''`; empty when there is none. */
  manifest(name: string): Manifest {
    const file = this.files.get(name === '' ? 'package.json' : `packages/${name}/package.json`);
    return file === undefined ? {} : (JSON.parse(file.text) as Manifest);
  }
}

/** What is not ours, not text, or made by a program. */
const SKIPPED_FOLDERS = new Set(['node_modules', 'dist', 'coverage', 'results', '.git', '.venv', '.cache', '.mmesh']);
const TEXT = /\.(ts|mts|mjs|js|json|md|ya?ml|py|sh|proto)$|(^|\/)(run|NOTICE|LICENSE)$/;

/** Reads every text file below `root`, except generated and foreign folders. */
export function readRepository(root: string): Repository {
  const texts: Record<string, string> = {};
  const walk = (folder: string): void => {
    for (const entry of readdirSync(join(root, folder), { withFileTypes: true })) {
      const path = folder === '' ? entry.name : `${folder}/${entry.name}`;
      if (entry.isDirectory() && !SKIPPED_FOLDERS.has(entry.name)) walk(path);
      else if (entry.isFile() && TEXT.test(path) && existsSync(join(root, path)))
        texts[path] = readFileSync(join(root, path), 'utf8');
    }
  };
  walk('');
  return new Repository(texts);
}
