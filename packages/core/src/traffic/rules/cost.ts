import { isMacro, type Types } from './check.ts';
import { EXPRESSION_NAME_CHARS_MAX, EXPRESSION_NAMES_MAX, EXPRESSION_TEXT_CHARS_MAX } from './limits.ts';
import type { Call, Expression, ExpressionOf } from './syntax.ts';

/** At worst so large: a text of so many characters, a list or map of so many elements, each at worst as large as `element`. */
type Size = { readonly chars: number } | { readonly count: number; readonly element: Size };

interface Bound {
  readonly cost: number;
  readonly size: Size;
}

type Scope = ReadonlyMap<string, Size>;

/** Characters that are compared or copied in one step. */
const CHARS_A_STEP = 64;
/** A library throws where an element is absent, which costs microseconds. */
const STEPS_OF_AN_ERROR = 64;
/** States of an automaton that are looked at in one step. */
const STATES_A_STEP = 3;
/** Characters of a text that a pattern of no states is matched against in one step. */
const MATCHED_CHARS_A_STEP = 4;
const SMALL: Size = { chars: 32 };
const TEXT: Size = { chars: EXPRESSION_TEXT_CHARS_MAX };
const NAMES: Size = { count: EXPRESSION_NAMES_MAX, element: { chars: EXPRESSION_NAME_CHARS_MAX } };

/**
 * Steps that evaluating `expression` takes at worst. A bound and no estimate: what goes in is bounded at run time by the limits of
 * texts and names, and a loop costs its body as often as it can be run. Sizes are followed too, so that texts that double in every loop
 * of a chain are found.
 */
export const costOf = (expression: Expression, types: Types): number => new Coster(types).bound(expression, new Map()).cost;

class Coster {
  readonly #types: Types;

  constructor(types: Types) {
    this.#types = types;
  }

  bound(node: Expression, scope: Scope): Bound {
    switch (node.kind) {
      case 'literal':
        return { cost: 1, size: typeof node.value === 'string' ? { chars: node.value.length } : SMALL };
      case 'name':
        return { cost: 1, size: scope.get(node.name) ?? this.#variable(node) };
      case 'select':
        return { cost: 1 + this.bound(node.object, scope).cost, size: this.#variable(node) };
      case 'index':
        return this.#index(node, scope);
      case 'unary':
        return { cost: 1 + this.bound(node.operand, scope).cost, size: SMALL };
      case 'logical':
        return { cost: 1 + this.bound(node.left, scope).cost + this.bound(node.right, scope).cost, size: SMALL };
      case 'binary':
        return this.#binary(node, scope);
      case 'conditional':
        return this.#conditional(node, scope);
      case 'list':
        return this.#list(node, scope);
      case 'call':
        return isMacro(node) ? this.#macro(node, scope) : this.#call(node, scope);
    }
  }

  #variable(node: Expression): Size {
    const kind = this.#types.get(node)?.kind;
    if (kind === 'texts') return NAMES;
    return kind === 'string' ? TEXT : SMALL;
  }

  #index({ object, key }: ExpressionOf<'index'>, scope: Scope): Bound {
    const whole = this.bound(object, scope);
    const isMap = this.#types.get(object)?.kind === 'texts';
    return { cost: STEPS_OF_AN_ERROR + whole.cost + this.bound(key, scope).cost, size: isMap ? TEXT : elementOf(whole.size) };
  }

  #binary({ operator, left, right }: ExpressionOf<'binary'>, scope: Scope): Bound {
    const [one, other] = [this.bound(left, scope), this.bound(right, scope)];
    const cost = 1 + one.cost + other.cost;
    if (operator === '+') {
      const size = joined(one.size, other.size);
      return { cost: cost + stepsOf(size), size };
    }
    if (operator === 'in' && 'count' in other.size && this.#types.get(right)?.kind === 'list') {
      return { cost: cost + other.size.count * (1 + stepsOf(other.size.element)), size: SMALL };
    }
    return { cost: cost + Math.min(stepsOf(one.size), stepsOf(other.size)), size: SMALL };
  }

  #conditional({ test, yes, no }: ExpressionOf<'conditional'>, scope: Scope): Bound {
    const [one, other] = [this.bound(yes, scope), this.bound(no, scope)];
    const cost = 1 + this.bound(test, scope).cost + Math.max(one.cost, other.cost);
    return { cost, size: larger(one.size, other.size) };
  }

  #list({ elements }: ExpressionOf<'list'>, scope: Scope): Bound {
    const bounds = elements.map((element) => this.bound(element, scope));
    const cost = bounds.reduce((sum, bound) => sum + bound.cost, 1 + elements.length);
    const element = bounds.map(({ size }) => size).reduce(larger, { chars: 0 });
    return { cost, size: { count: elements.length, element } };
  }

  #call({ target, args, name }: Call, scope: Scope): Bound {
    const operands = (target === null ? args : [target, ...args]).map((operand) => this.bound(operand, scope));
    const cost = operands.reduce((sum, bound) => sum + bound.cost, 1);
    const first = operands[0]?.size ?? SMALL;
    if (name === 'matches')
      return { cost: cost + (charsOf(first) * (1 + statesOf(args[0]) / STATES_A_STEP)) / MATCHED_CHARS_A_STEP, size: SMALL };
    if (name === 'contains') return { cost: cost + charsOf(first) / 8 + stepsOf(operands[1]?.size ?? SMALL), size: SMALL };
    if (name === 'size') return { cost: cost + ('chars' in first ? charsOf(first) / 8 : 0), size: SMALL };
    return { cost: cost + stepsOf(first), size: name === 'string' ? first : SMALL };
  }

  #macro({ target, name, args }: Call, scope: Scope): Bound {
    const [variable, first, second] = args;
    if (target === null || first === undefined || variable?.kind !== 'name') {
      return { cost: 2 + (variable?.kind === 'select' ? this.bound(variable.object, scope).cost : 0), size: SMALL };
    }
    const range = this.bound(target, scope);
    const count = 'count' in range.size ? range.size.count : 0;
    const inner: Scope = new Map([...scope, [variable.name, elementOf(range.size)]]);
    const [body, more] = [this.bound(first, inner), second === undefined ? undefined : this.bound(second, inner)];
    const cost = 1 + range.cost + count * (1 + body.cost + (more?.cost ?? 0));
    if (name === 'map') return { cost, size: { count, element: (more ?? body).size } };
    return { cost, size: name === 'filter' ? { count, element: elementOf(range.size) } : SMALL };
  }
}

/** States of the automaton of a literal pattern: repetitions with a number are written out. */
function statesOf(pattern: Expression | undefined): number {
  const text = pattern?.kind === 'literal' ? String(pattern.value) : '';
  const repeats = [...text.matchAll(/\{(\d+)(?:,(\d*))?\}/g)].map(([, from, to]) => Math.max(1, Number(from), Number(to ?? 0)));
  return repeats.reduce((product, repeat) => product * repeat, text.length);
}

const elementOf = (size: Size): Size => ('count' in size ? size.element : SMALL);

const charsOf = (size: Size): number => ('chars' in size ? size.chars : size.count * (1 + charsOf(size.element)));

const stepsOf = (size: Size): number => ('chars' in size ? size.chars / CHARS_A_STEP : size.count * (1 + stepsOf(size.element)));

function larger(one: Size, other: Size): Size {
  if ('count' in one && 'count' in other) {
    return { count: Math.max(one.count, other.count), element: larger(one.element, other.element) };
  }
  return charsOf(one) > charsOf(other) ? one : other;
}

function joined(one: Size, other: Size): Size {
  if ('count' in one && 'count' in other) return { count: one.count + other.count, element: larger(one.element, other.element) };
  return { chars: charsOf(one) + charsOf(other) };
}
