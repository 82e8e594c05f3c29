import { ExpressionFault } from './fault.ts';
import { type Token, tokensOf } from './lexer.ts';
import { EXPRESSION_LIMITS, type ExpressionLimits } from './limits.ts';
import type { BinaryOperator, Expression, Literal } from './syntax.ts';

const RELATIONS: ReadonlySet<string> = new Set(['==', '!=', '<', '<=', '>', '>=', 'in']);
const RESERVED: ReadonlySet<string> = new Set(
  'as break const continue else for function if import let loop package namespace return var void while'.split(' '),
);
const INT64_MAX = (1n << 63n) - 1n;
const INT64_MIN = -(1n << 63n);

/**
 * Reads an expression in CEL. Left out, each by name: bytes, unsigned integers, maps and messages as literals, `null`, and chains of
 * comparisons without parentheses, in which implementations differ.
 *
 * @throws {ExpressionFault} with the position
 */
export function parseExpression(source: string, limits: ExpressionLimits = EXPRESSION_LIMITS): Expression {
  if (source.length > limits.charsMax) {
    throw new ExpressionFault(
      `the expression has ${source.length} characters, at most ${limits.charsMax} are allowed`,
      limits.charsMax,
    );
  }
  return new Parser(tokensOf(source), limits.depthMax).whole();
}

class Parser {
  readonly #tokens: readonly Token[];
  readonly #depthMax: number;
  #next = 0;
  #depth = 0;

  constructor(tokens: readonly Token[], depthMax: number) {
    this.#tokens = tokens;
    this.#depthMax = depthMax;
  }

  whole(): Expression {
    const expression = this.#expression();
    if (this.#token.kind !== 'end') throw this.#unexpected('an operator or the end');
    return expression;
  }

  get #token(): Token {
    const token = this.#tokens[Math.min(this.#next, this.#tokens.length - 1)];
    if (token === undefined) throw new ExpressionFault('the expression is empty', 0);
    return token;
  }

  #unexpected(wanted: string): ExpressionFault {
    const { kind, text, at } = this.#token;
    return new ExpressionFault(`expected ${wanted}, found ${kind === 'end' ? 'the end' : text}`, at);
  }

  #is(mark: string): boolean {
    const { kind, text } = this.#token;
    return text === mark && (kind === 'mark' || kind === 'name');
  }

  #take(): Token {
    const token = this.#token;
    this.#next++;
    return token;
  }

  #skip(mark: string): boolean {
    if (!this.#is(mark)) return false;
    this.#next++;
    return true;
  }

  #expect(mark: string): Token {
    if (!this.#is(mark)) throw this.#unexpected(`"${mark}"`);
    return this.#take();
  }

  /** Everything that can stand within itself passes through here. */
  #deeper<Value>(read: () => Value): Value {
    if (++this.#depth > this.#depthMax) {
      throw new ExpressionFault(`the expression is nested deeper than ${this.#depthMax}`, this.#token.at);
    }
    const value = read();
    this.#depth--;
    return value;
  }

  #expression(): Expression {
    return this.#deeper(() => {
      const test = this.#or();
      if (!this.#skip('?')) return test;
      const yes = this.#or();
      this.#expect(':');
      const no = this.#expression();
      return { kind: 'conditional', test, yes, no, at: test.at, end: no.end };
    });
  }

  #or(): Expression {
    let left = this.#and();
    while (this.#skip('||')) {
      const right = this.#and();
      left = { kind: 'logical', operator: '||', left, right, at: left.at, end: right.end };
    }
    return left;
  }

  #and(): Expression {
    let left = this.#relation();
    while (this.#skip('&&')) {
      const right = this.#relation();
      left = { kind: 'logical', operator: '&&', left, right, at: left.at, end: right.end };
    }
    return left;
  }

  #relation(): Expression {
    const left = this.#sum();
    if (!RELATIONS.has(this.#token.text)) return left;
    const operator = this.#take();
    const right = this.#sum();
    if (RELATIONS.has(this.#token.text)) {
      throw new ExpressionFault('comparisons in a row need parentheses', this.#token.at);
    }
    return this.#binary(left, operator, right);
  }

  #binary(left: Expression, operator: Token, right: Expression): Expression {
    return {
      kind: 'binary',
      operator: operator.text as BinaryOperator,
      operatorAt: operator.at,
      left,
      right,
      at: left.at,
      end: right.end,
    };
  }

  #sum(): Expression {
    let left = this.#product();
    while (this.#is('+') || this.#is('-')) left = this.#binary(left, this.#take(), this.#product());
    return left;
  }

  #product(): Expression {
    let left = this.#unary();
    while (this.#is('*') || this.#is('/') || this.#is('%')) left = this.#binary(left, this.#take(), this.#unary());
    return left;
  }

  #unary(): Expression {
    if (!this.#is('!') && !this.#is('-')) return this.#member();
    return this.#deeper(() => {
      const operator = this.#take();
      const literal = operator.text === '-' ? this.#negativeLiteral(operator.at) : undefined;
      if (literal !== undefined) return this.#suffixes(literal);
      const operand = this.#unary();
      return { kind: 'unary', operator: operator.text as '!' | '-', operand, at: operator.at, end: operand.end };
    });
  }

  #negativeLiteral(at: number): Literal | undefined {
    const { kind, value, end } = this.#token;
    if ((kind !== 'int' && kind !== 'double') || typeof value === 'string') return undefined;
    this.#next++;
    if (typeof value === 'bigint' && -value < INT64_MIN) throw new ExpressionFault('the number does not fit in 64 bits', at);
    return { kind: 'literal', value: -value, at, end };
  }

  #member(): Expression {
    return this.#suffixes(this.#primary());
  }

  #suffixes(first: Expression): Expression {
    let object = first;
    let count = 0;
    for (;;) {
      if (++count > this.#depthMax) {
        throw new ExpressionFault(`the expression is nested deeper than ${this.#depthMax}`, this.#token.at);
      }
      if (this.#skip('.')) object = this.#selection(object);
      else if (this.#skip('[')) {
        const key = this.#expression();
        const { end } = this.#expect(']');
        object = { kind: 'index', object, key, at: object.at, end };
      } else return object;
    }
  }

  #selection(object: Expression): Expression {
    if (this.#token.kind !== 'name') throw this.#unexpected('a name');
    const { text, at: fieldAt, end } = this.#take();
    if (!this.#skip('(')) return { kind: 'select', object, field: text, fieldAt, at: object.at, end };
    const args = this.#arguments(')');
    return { kind: 'call', target: object, name: text, nameAt: fieldAt, args: args.list, at: object.at, end: args.end };
  }

  #arguments(closing: ')' | ']'): { readonly list: readonly Expression[]; readonly end: number } {
    const list: Expression[] = [];
    while (!this.#is(closing)) {
      list.push(this.#expression());
      if (!this.#is(closing)) this.#expect(',');
    }
    return { list, end: this.#take().end };
  }

  #primary(): Expression {
    const token = this.#token;
    if (token.kind === 'name') return this.#named(this.#take());
    if (token.kind === 'string' || token.kind === 'int' || token.kind === 'double') return this.#literal(this.#take());
    if (this.#skip('(')) {
      const inner = this.#expression();
      const { end } = this.#expect(')');
      return { ...inner, at: token.at, end };
    }
    if (this.#skip('[')) {
      const { list, end } = this.#arguments(']');
      return { kind: 'list', elements: list, at: token.at, end };
    }
    if (this.#is('{')) throw new ExpressionFault('maps cannot be written in an expression', token.at);
    throw this.#unexpected('a value');
  }

  #literal({ value, at, end }: Token): Expression {
    if (typeof value === 'bigint' && value > INT64_MAX) throw new ExpressionFault('the number does not fit in 64 bits', at);
    return { kind: 'literal', value, at, end };
  }

  #named({ text, at, end }: Token): Expression {
    if (text === 'true' || text === 'false') return { kind: 'literal', value: text === 'true', at, end };
    if (text === 'null') throw new ExpressionFault('null is not supported: has(…) tells whether something is there', at);
    if (text === 'in' || RESERVED.has(text)) throw new ExpressionFault(`${text} is a reserved word`, at);
    if (!this.#skip('(')) return { kind: 'name', name: text, at, end };
    const args = this.#arguments(')');
    return { kind: 'call', target: null, name: text, nameAt: at, args: args.list, at, end: args.end };
  }
}
