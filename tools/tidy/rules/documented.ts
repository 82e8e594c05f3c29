import type { Rule } from '../rule.ts';
import { exportsOf, type Repository } from '../source/index.ts';

/** The doors of a package: `src/index.ts` and `src/<room>/index.ts`, as `exports` in its package.json maps them. */
const doorsOf = (repository: Repository, name: string): readonly string[] =>
  [...repository.files.keys()].filter((path) => new RegExp(`^packages/${name}/src/([^/]+/)?index\\.ts$`).test(path));

export const publicIsDocumented: Rule = {
  name: 'everything that leaves a package through a door has a docstring',
  check: (repository) => {
    const open = repository.packages.flatMap((name) => doorsOf(repository, name)).filter((door) => !door.includes('/gen/'));
    const bare = open
      .flatMap((door) => exportsOf(repository, door))
      .filter((one) => !one.documented && !one.path.includes('/gen/'));
    const unique = new Map(bare.map((one) => [`${one.path}#${one.name}`, one]));
    return [...unique.values()].map(({ path, line, name }) => ({
      path,
      line,
      message: `${name} is public and has no docstring`,
    }));
  },
};
