import type { Problem, Rule } from '../rule.ts';
import type { Repository } from '../source/index.ts';

const DOCUMENT = 'docs/dependencies.md';
/** The pinned Node comes as one package per platform; the document explains them in one line under this name. */
const PINNED_NODE = /^node-(bin-)?(linux|darwin)-/;

export const dependenciesJustified: Rule = {
  name: `each dependency has one line in ${DOCUMENT} that says why, and nothing else has`,
  check: (repository) => {
    const lines = rows(repository.files.get(DOCUMENT)?.text ?? '');
    const used = dependencyNames(repository);
    const missing = [...used].filter((name) => (lines.get(name) ?? '').length < 20);
    const stale = [...lines.keys()].filter((name) => !used.has(name));
    return [
      ...missing.map((name) => problem(`${name} has no line that says why it is there`)),
      ...stale.map((name) => problem(`${name} is not a dependency of any package`)),
    ];
  },
};

const problem = (message: string): Problem => ({ path: DOCUMENT, line: 0, message });

/** Reads `| name | … |`: the name in backticks, then the rest of the row. */
const rows = (text: string): ReadonlyMap<string, string> =>
  new Map([...text.matchAll(/^\| `([^`]+)` *\|(.*)\|\s*$/gm)].map((match) => [match[1] ?? '', (match[2] ?? '').trim()]));

function dependencyNames(repository: Repository): ReadonlySet<string> {
  const manifests = ['', ...repository.packages].map((name) => repository.manifest(name));
  const names = manifests.flatMap((one) =>
    Object.keys({ ...one.dependencies, ...one.devDependencies, ...one.optionalDependencies }),
  );
  return new Set(
    names.filter((name) => !name.startsWith('@modelmesh/')).map((name) => (PINNED_NODE.test(name) ? 'node-<platform>' : name)),
  );
}
