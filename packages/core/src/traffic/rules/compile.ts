import type { PayloadField } from '../../records/index.ts';
import type { RequestFacts } from '../request-facts.ts';
import { type Types, typesOf } from './check.ts';
import { costOf } from './cost.ts';
import { ExpressionFault, isProblem, orProblem } from './fault.ts';
import { readOf } from './field.ts';
import { EXPRESSION_LIMITS, type ExpressionLimits } from './limits.ts';
import { type Need, needsOf, requiredReads } from './needs.ts';
import { ownTest, type Test } from './own-test.ts';
import { parseExpression } from './parser.ts';
import type { CelEngine, CheckedPart, Condition, ExpressionProblem, Outcome, TextExpression } from './port.ts';
import { type Expression, type ExpressionOf, partsOf } from './syntax.ts';
import { BOOL, STRING, sameType, typeText, type ValueType } from './value-type.ts';

/** A condition, and what an index of many can know of it. */
export interface CompiledCondition extends Condition {
  readonly needs: readonly Need[];
  /** Steps that one evaluation takes at worst. */
  readonly cost: number;
  readonly payloadNames: readonly string[];
  /** Whether {@link test} gives `true`, found with less work: what is not true is not asked for its reason. */
  holds(facts: RequestFacts): boolean;
}

/** An expression for a text, and the declared payload fields that it reads. */
export interface CompiledText extends TextExpression {
  readonly payloadNames: readonly string[];
}

/** What expressions of one policy have in common. */
export interface ExpressionContext {
  readonly payload: readonly PayloadField[];
  readonly engine: CelEngine;
  readonly limits?: ExpressionLimits;
}

interface Checked {
  readonly source: string;
  readonly expression: Expression;
  readonly types: Types;
  readonly cost: number;
}

/** Compiles the condition of a rule. */
export function compileCondition(source: string, context: ExpressionContext): CompiledCondition | ExpressionProblem {
  return orProblem(() => {
    const checked = checkedExpression(source, context, BOOL);
    const builder = new TestBuilder(checked, context);
    return { ...builder.condition(checked.expression), cost: checked.cost };
  });
}

/** Compiles an expression that gives a text, for instance the unit of sticky assignment. */
export function compileText(source: string, context: ExpressionContext): CompiledText | ExpressionProblem {
  return orProblem(() => {
    const checked = checkedExpression(source, context, STRING);
    return { ...new TestBuilder(checked, context).text(checked.expression), payloadNames: payloadNamesOf(checked.expression) };
  });
}

function checkedExpression(source: string, context: ExpressionContext, wanted: ValueType): Checked {
  const limits = context.limits ?? EXPRESSION_LIMITS;
  const expression = parseExpression(source, limits);
  const types = typesOf(expression, context.payload);
  const type = types.get(expression);
  if (type === undefined || !sameType(type, wanted)) {
    throw new ExpressionFault(
      `a ${typeText(wanted)} is needed here, the expression gives ${type === undefined ? 'nothing' : typeText(type)}`,
      expression.at,
    );
  }
  const cost = Math.ceil(costOf(expression, types));
  if (cost > limits.costMax) {
    throw new ExpressionFault(`the expression may take ${cost} steps, at most ${limits.costMax} are allowed`, expression.at);
  }
  return { source, expression, types, cost };
}

/** Conditions one by one are ours; only what we cannot express is cut out and given to the engine, as small as it is. */
class TestBuilder {
  readonly #source: string;
  readonly #types: Types;
  readonly #context: ExpressionContext;
  #own = true;

  constructor({ source, types }: Checked, context: ExpressionContext) {
    this.#source = source;
    this.#types = types;
    this.#context = context;
  }

  condition(expression: Expression): Omit<CompiledCondition, 'cost'> {
    const own: Test[] = [];
    const foreign: Test[] = [];
    for (const node of conjuncts(expression)) {
      const before = this.#own;
      this.#own = true;
      const test = this.#test(node);
      (this.#own ? own : foreign).push(test);
      this.#own &&= before;
    }
    const tests = [...own, ...foreign];
    const [first] = tests;
    return {
      indexable: foreign.length === 0,
      needs: needsOf(expression, this.#types),
      payloadNames: payloadNamesOf(expression),
      test: tests.length === 1 && first !== undefined ? first : every(tests),
      holds: (facts) => {
        for (const test of tests) if (test(facts) !== true) return false;
        return true;
      },
    };
  }

  text(node: Expression): TextExpression {
    const read = readOf(node, this.#types.get(node));
    if (read !== undefined) {
      return {
        read: (facts) => {
          const value = read(facts);
          return typeof value === 'string' ? value : undefined;
        },
      };
    }
    const text = this.#context.engine.text(this.#part(node));
    if (isProblem(text)) throw new ExpressionFault(text.message, node.at + text.at);
    const required = requiredReads(node, this.#types);
    return { read: (facts) => (required.every((needed) => needed(facts) !== undefined) ? text.read(facts) : undefined) };
  }

  #test(node: Expression): Test {
    if (node.kind === 'logical') {
      const [left, right] = [this.#test(node.left), this.#test(node.right)];
      return node.operator === '&&' ? both(left, right) : either(left, right);
    }
    if (node.kind === 'unary' && node.operator === '!') return not(this.#test(node.operand));
    if (node.kind === 'conditional') return conditional(this.#test(node.test), this.#test(node.yes), this.#test(node.no));
    if (node.kind === 'binary' && this.#types.get(node.left)?.kind === 'bool') return this.#equality(node);
    return ownTest(node, this.#types) ?? this.#foreign(node);
  }

  /** Of two conditions; `in` a list of conditions is the engine's. */
  #equality(node: ExpressionOf<'binary'>): Test {
    if (node.operator !== '==' && node.operator !== '!=') return this.#foreign(node);
    return same(this.#test(node.left), this.#test(node.right), node.operator === '==');
  }

  #part(node: Expression): CheckedPart {
    const source = this.#source.slice(node.at, node.end);
    const { payload, limits } = this.#context;
    return { source, expression: parseExpression(source, limits), payload };
  }

  #foreign(node: Expression): Test {
    this.#own = false;
    const condition = this.#context.engine.condition(this.#part(node));
    if (isProblem(condition)) throw new ExpressionFault(condition.message, node.at + condition.at);
    const required = requiredReads(node, this.#types);
    return (facts) => {
      for (const read of required) if (read(facts) === undefined) return 'no-such-key';
      return condition.test(facts);
    };
  }
}

function payloadNamesOf(expression: Expression): readonly string[] {
  const own = expression.kind === 'select' && expression.object.kind === 'name' && expression.object.name === 'payload';
  const names = [...(own ? [expression.field] : []), ...partsOf(expression).flatMap(payloadNamesOf)];
  return [...new Set(names)];
}

function conjuncts(node: Expression): readonly Expression[] {
  if (node.kind !== 'logical' || node.operator !== '&&') return [node];
  return [...conjuncts(node.left), ...conjuncts(node.right)];
}

// CEL's logic is symmetric: what decides the result wins over an error on the other side, whichever side that is.

function every(tests: readonly Test[]): Test {
  return (facts) => {
    let result: Outcome = true;
    for (const test of tests) {
      const outcome = test(facts);
      if (outcome === false) return false;
      if (outcome !== true && result === true) result = outcome;
    }
    return result;
  };
}

function both(left: Test, right: Test): Test {
  return (facts) => {
    const first = left(facts);
    if (first === false) return false;
    const second = right(facts);
    return second === false || first === true ? second : first;
  };
}

function either(left: Test, right: Test): Test {
  return (facts) => {
    const first = left(facts);
    if (first === true) return true;
    const second = right(facts);
    return second === true || first === false ? second : first;
  };
}

function same(left: Test, right: Test, wanted: boolean): Test {
  return (facts) => {
    const first = left(facts);
    if (typeof first !== 'boolean') return first;
    const second = right(facts);
    return typeof second === 'boolean' ? (first === second) === wanted : second;
  };
}

function not(test: Test): Test {
  return (facts) => {
    const outcome = test(facts);
    return typeof outcome === 'boolean' ? !outcome : outcome;
  };
}

function conditional(test: Test, yes: Test, no: Test): Test {
  return (facts) => {
    const outcome = test(facts);
    if (typeof outcome !== 'boolean') return outcome;
    return outcome ? yes(facts) : no(facts);
  };
}
