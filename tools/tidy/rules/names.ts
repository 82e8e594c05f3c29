import type { Problem, Rule } from '../rule.ts';
import type { Repository } from '../source/index.ts';

const ROOMLESS = new Set(['util', 'utils', 'common', 'helper', 'helpers', 'misc']);
const ROOMLESS_FILES = new Set(['types.ts', 'constants.ts']);
const UNFINISHED = /\b(TODO|FIXME|XXX|HACK)\b/;
/** Folders of one machine: no reader of the project has them. */
const MACHINE = /(?<![\w.])\/(work|home\/[a-z]+|Users\/[a-z]+)\/[\w.]/i;

export const namedRooms: Rule = {
  name: 'no utils, common, helpers, types.ts or constants.ts: a thing without a room is a concept without a name',
  check: ({ code }) =>
    code.flatMap((file) => {
      const parts = file.path.split('/');
      const bad = parts.find((part) => ROOMLESS.has(part.split('.')[0] ?? '') || ROOMLESS_FILES.has(part));
      return bad === undefined ? [] : [{ path: file.path, line: 0, message: `${bad} says nothing about what is inside` }];
    }),
};

export const nothingUnfinished: Rule = {
  name: 'no comment promises to finish something later',
  check: ({ code }) =>
    code.flatMap((file) =>
      file.scan.comments.flatMap((comment) => {
        const match = UNFINISHED.exec(comment.text);
        return match === null
          ? []
          : [{ path: file.path, line: comment.line, message: `"${match[0]}": finish it or leave it out` }];
      }),
    ),
};

export const noMachinePaths: Rule = {
  name: 'no path of one machine',
  check: (repository) =>
    eachLine(repository, (line) =>
      MACHINE.test(line) ? `names a folder of one machine: ${MACHINE.exec(line)?.[0]}…` : undefined,
    ),
};

function eachLine(repository: Repository, judge: (line: string) => string | undefined): readonly Problem[] {
  return [...repository.files.values()]
    .filter((file) => !file.isGenerated && !file.path.startsWith('tools/tidy/') && file.path !== 'package-lock.json')
    .flatMap((file) =>
      file.text.split('\n').flatMap((line, index) => {
        const message = judge(line);
        return message === undefined ? [] : [{ path: file.path, line: index + 1, message }];
      }),
    );
}
