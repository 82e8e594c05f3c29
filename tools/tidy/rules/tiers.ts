import { stageWords, tierTable } from '../../test/tiers.ts';
import type { Problem, Rule } from '../rule.ts';
import { importsOf, type SourceFile } from '../source/index.ts';

/** Where the runner looks for suites. */
const SUITE_FOLDERS = /^(packages\/[^/]+\/src|tools)\//;
const LAB_README = 'packages/lab/README.md';

/** What a pure suite must not import: it would start processes. */
const NOT_PURE = new Set(['node:child_process', 'node:cluster']);

export const suitesHaveOneTier: Rule = {
  name: 'each suite belongs to exactly one tier, by its name, and lies where the runner looks',
  check: ({ code }) =>
    code.flatMap((file) => {
      const message = file.isSuite
        ? misplaced(file)
        : /\.(spec|tests?)\.[mc]?[jt]s$/.test(file.path)
          ? 'a suite is named *.test.ts'
          : undefined;
      return message === undefined ? [] : [{ path: file.path, line: 0, message }];
    }),
};

function misplaced(file: SourceFile): string | undefined {
  if (!SUITE_FOLDERS.test(file.path)) return 'lies where the runner does not look: packages/*/src or tools';
  const words = stageWords(file.path);
  if (words.length > 1) return `belongs to two tiers: ${words.join(' and ')}`;
  const foreign = words.length === 0 ? importsOf(file).find((one) => NOT_PURE.has(one.specifier)) : undefined;
  return foreign === undefined ? undefined : `imports ${foreign.specifier}: name it *.process.test.ts`;
}

export const tiersWrittenDown: Rule = {
  name: `${LAB_README} holds the table of the tiers`,
  check: (repository): readonly Problem[] =>
    plain(repository.files.get(LAB_README)?.text ?? '').includes(plain(tierTable()))
      ? []
      : [{ path: LAB_README, line: 0, message: `must hold this table:\n${tierTable()}` }],
};

/** A table without the padding that a formatter gives it. */
const plain = (text: string): string => text.replace(/ +/g, ' ').replace(/-{3,}/g, '---');
