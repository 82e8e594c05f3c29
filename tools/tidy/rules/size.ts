import type { Rule } from '../rule.ts';
import { functionsOf } from '../source/index.ts';

/** The longest file in lines; generated files are free. */
export const FILE_LINES_MAX = 500;
/** The longest function in lines, without the tests that are written inside it. */
export const FUNCTION_LINES_MAX = 70;

export const shortFiles: Rule = {
  name: `a file has at most ${FILE_LINES_MAX} lines`,
  check: ({ code }) =>
    code
      .map((file) => ({ file, lines: file.text.trimEnd().split('\n').length }))
      .filter(({ lines }) => lines > FILE_LINES_MAX)
      .map(({ file, lines }) => ({
        path: file.path,
        line: lines,
        message: `has ${lines} lines, at most ${FILE_LINES_MAX} are allowed`,
      })),
};

export const shortFunctions: Rule = {
  name: `a function has at most ${FUNCTION_LINES_MAX} lines`,
  check: ({ code }) =>
    code.flatMap((file) =>
      functionsOf(file)
        .filter(({ lines }) => lines > FUNCTION_LINES_MAX)
        .map(({ name, line, lines }) => ({
          path: file.path,
          line,
          message: `${name} has ${lines} lines, at most ${FUNCTION_LINES_MAX} are allowed`,
        })),
    ),
};
