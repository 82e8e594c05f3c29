import type { Rule } from '../rule.ts';

export const packagesCarryLicence: Rule = {
  name: 'each public package carries the licence, word for word',
  check: (repository) => {
    const licence = repository.files.get('LICENSE')?.text ?? '';
    return repository.packages
      .filter((name) => repository.manifest(name).private !== true)
      .map((name) => `packages/${name}/LICENSE`)
      .filter((path) => licence === '' || repository.files.get(path)?.text !== licence)
      .map((path) => ({ path, line: 0, message: 'must be a copy of LICENSE in the root' }));
  },
};
