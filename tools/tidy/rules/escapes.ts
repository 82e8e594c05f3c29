import type { Problem, Rule } from '../rule.ts';
import type { SourceFile, Token } from '../source/index.ts';

const BEFORE_TYPE = new Set([':', 'as', '<', '|', '&', ',', '=', '=>', 'extends', 'satisfies', 'is']);
const BEFORE_EXPRESSION = new Set([
  'return',
  'typeof',
  'case',
  'in',
  'of',
  'void',
  'throw',
  'new',
  'do',
  'else',
  'yield',
  'await',
  'if',
  'while',
]);

export const noAny: Rule = {
  name: 'no any',
  check: ({ code }) =>
    inTypeScript(code, (token, tokens, at) => {
      if (token.kind !== 'word' || token.text !== 'any' || !BEFORE_TYPE.has(tokens[at - 1]?.text ?? '')) return undefined;
      return ['(', '.', ':'].includes(tokens[at + 1]?.text ?? '')
        ? undefined
        : 'any switches the checker off: name the type or use unknown';
    }),
};

export const noNonNull: Rule = {
  name: 'no non-null assertion',
  check: ({ code }) =>
    inTypeScript(code, (token, tokens, at) => {
      const before = tokens[at - 1];
      if (token.kind !== 'punct' || token.text !== '!' || before === undefined || before.end !== token.start) return undefined;
      const operand = before.kind === 'word' ? !BEFORE_EXPRESSION.has(before.text) : before.text === ')' || before.text === ']';
      return operand ? 'a non-null assertion hides a case: handle it, or assert with a sentence' : undefined;
    }),
};

export const noSwitchedOffChecks: Rule = {
  name: 'no @ts-ignore, @ts-nocheck or @ts-expect-error',
  check: ({ code }) =>
    code.flatMap((file) =>
      file.scan.comments
        .filter((comment) => /^\/[/*]\s*@ts-(ignore|nocheck|expect-error)\b/.test(comment.text))
        .map((comment) => ({ path: file.path, line: comment.line, message: 'a comment must not switch the checker off' })),
    ),
};

function inTypeScript(
  code: readonly SourceFile[],
  judge: (token: Token, tokens: readonly Token[], at: number) => string | undefined,
): readonly Problem[] {
  return code
    .filter((file) => file.path.endsWith('.ts'))
    .flatMap((file) =>
      file.scan.tokens.flatMap((token, at) => {
        const message = judge(token, file.scan.tokens, at);
        return message === undefined ? [] : [{ path: file.path, line: token.line, message }];
      }),
    );
}
