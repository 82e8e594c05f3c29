import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { scan } from './scan.ts';

const texts = (code: string): readonly string[] => scan(code).tokens.map((token) => token.text);
const kinds = (code: string): readonly string[] => scan(code).tokens.map((token) => token.kind);

describe('scan', () => {
  it('keeps code inside strings, templates, regular expressions and comments apart from code', () => {
    const { tokens, comments } = scan(`a('Date.now()'); // b()\n/c\\/[/]{2}/g.test(d) /* e() */;`);
    assert.deepEqual(
      tokens.filter((token) => token.kind === 'word').map((token) => token.text),
      ['a', 'test', 'd'],
    );
    assert.deepEqual(
      comments.map((comment) => comment.text),
      ['// b()', '/* e() */'],
    );
  });

  it('reads the code between the parts of a template, nested ones too', () => {
    // biome-ignore lint/suspicious/noTemplateCurlyInString: the sample is code
    assert.deepEqual(texts('`x${ f({ a: `y${b}z` }) }w`;'), ['x', 'f', '(', '{', 'a', ':', 'y', 'b', 'z', '}', ')', 'w', ';']);
  });

  it('tells a division from a regular expression', () => {
    assert.deepEqual(kinds('a / b / c'), ['word', 'punct', 'word', 'punct', 'word']);
    assert.deepEqual(kinds('return /b/'), ['word', 'regex']);
    assert.deepEqual(
      kinds('(a) / 2 / (b)').filter((kind) => kind === 'regex'),
      [],
    );
  });

  it('counts lines through comments and templates', () => {
    assert.deepEqual(
      scan('/*\n*/ a\n`\n` b').tokens.map((token) => token.line),
      [2, 3, 4],
    );
  });

  it('ends on text that never closes', () => {
    for (const odd of ["'abc", '`abc${', '/* abc', '/abc', '`${{{'])
      assert.ok(scan(odd).tokens.length + scan(odd).comments.length > 0);
  });
});
