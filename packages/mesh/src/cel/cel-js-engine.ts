import type { RE2JS } from '@bufbuild/re2';
import { TypeError as CelTypeError, Environment, EvaluationError, ParseError, type ParseResult } from '@marcbachmann/cel-js';
import type { PayloadField } from '@modelmesh/core/records';
import type { RequestFacts } from '@modelmesh/core/traffic';
import {
  type CelEngine,
  type CheckedPart,
  type Condition,
  type EvaluationError as EvaluationErrorKind,
  type Expression,
  type ExpressionProblem,
  isProblem,
  partsOf,
  type TextExpression,
} from '@modelmesh/core/traffic';
import { Activation, COST_EXCEEDED, payloadView } from './activation.ts';
import { compilePattern, REPLACED, registerFunctions } from './functions.ts';

/** What expressions with the same declared payload have in common. */
interface Ground {
  readonly environment: Environment;
  readonly payload: object;
  readonly patterns: Map<string, RE2JS>;
}

/** A part compiled by the library. */
interface Program {
  readonly run: ParseResult;
  readonly payload: object;
}

/** What an engine tells its owner. */
export interface CelEngineOptions {
  /** An evaluation ended in `cost-exceeded`. */
  readonly costExceeded?: () => void;
}

const ABSENT_CODES: ReadonlySet<string> = new Set(['no_such_key', 'index_out_of_bounds']);

/** {@link CelEngine} on cel-js: compiled to closures, two microseconds an evaluation. Types and costs are checked before parts come here. */
class CelJsEngine implements CelEngine {
  readonly #activation = new Activation();
  readonly #grounds = new WeakMap<readonly PayloadField[], Ground>();
  readonly #costExceeded: () => void;

  constructor({ costExceeded = () => undefined }: CelEngineOptions) {
    this.#costExceeded = costExceeded;
  }

  condition(part: CheckedPart): Condition | ExpressionProblem {
    const program = this.#compile(part, 'bool');
    if (isProblem(program)) return program;
    return {
      indexable: false,
      test: (facts) => {
        const value = this.#evaluate(program, facts);
        if (typeof value === 'boolean') return value;
        return value instanceof Error ? errorKind(value) : 'other';
      },
    };
  }

  text(part: CheckedPart): TextExpression | ExpressionProblem {
    const program = this.#compile(part, 'string');
    if (isProblem(program)) return program;
    return {
      read: (facts) => {
        const value = this.#evaluate(program, facts);
        return typeof value === 'string' ? value : undefined;
      },
    };
  }

  #compile({ source, expression, payload }: CheckedPart, type: string): Program | ExpressionProblem {
    const ground = this.#ground(payload);
    try {
      const problem = addPatterns(expression, ground.patterns);
      if (problem !== undefined) return problem;
      const run = ground.environment.parse(withOwnFunctions(source, expression));
      const { valid, error, type: found } = run.check();
      if (!valid) return problemOf(error);
      return found === type ? { run, payload: ground.payload } : { message: `expected ${type}, found ${found}`, at: 0 };
    } catch (error) {
      return problemOf(error);
    }
  }

  #evaluate({ run, payload }: Program, facts: RequestFacts): unknown {
    try {
      return this.#activation.during(facts, payload, run);
    } catch (error) {
      if (error === COST_EXCEEDED) this.#costExceeded();
      return error instanceof Error ? error : new Error('not an error', { cause: error });
    }
  }

  #ground(fields: readonly PayloadField[]): Ground {
    const known = this.#grounds.get(fields);
    if (known !== undefined) return known;
    const made = groundOf(this.#activation, fields);
    this.#grounds.set(fields, made);
    return made;
  }
}

/** The CEL library, behind its port. */
export const createCelEngine = (options: CelEngineOptions = {}): CelEngine => new CelJsEngine(options);

function groundOf(activation: Activation, fields: readonly PayloadField[]): Ground {
  const environment = new Environment();
  const patterns = new Map<string, RE2JS>();
  const { type, view } = payloadView(
    activation,
    fields.map(({ name }) => name),
  );
  environment.registerType('Payload', {
    ctor: type,
    fields: Object.fromEntries(fields.map((field) => [field.name, field.type])),
  });
  for (const name of ['header', 'query']) environment.registerVariable(name, 'map<string, string>');
  for (const name of ['path', 'method', 'tenant', 'client']) environment.registerVariable(name, 'string');
  environment.registerVariable('time', 'google.protobuf.Timestamp');
  environment.registerVariable('payload', 'Payload');
  registerFunctions(environment, patterns);
  return { environment, payload: view, patterns };
}

type CallNode = Extract<Expression, { kind: 'call' }>;

function callsOf(expression: Expression): readonly CallNode[] {
  return [...(expression.kind === 'call' ? [expression] : []), ...partsOf(expression).flatMap(callsOf)];
}

function withOwnFunctions(source: string, expression: Expression): string {
  let text = source;
  for (const { name, nameAt } of callsOf(expression)) {
    const own = Object.hasOwn(REPLACED, name) ? REPLACED[name] : undefined;
    if (own !== undefined) text = text.slice(0, nameAt) + own + text.slice(nameAt + name.length);
  }
  return text;
}

function addPatterns(expression: Expression, patterns: Map<string, RE2JS>): ExpressionProblem | undefined {
  for (const { name, args } of callsOf(expression)) {
    const [pattern] = args;
    if (name !== 'matches' || pattern?.kind !== 'literal' || typeof pattern.value !== 'string') continue;
    try {
      patterns.set(pattern.value, compilePattern(pattern.value));
    } catch (error) {
      return { message: error instanceof Error ? error.message : 'no regular expression', at: pattern.at };
    }
  }
  return undefined;
}

function problemOf(error: unknown): ExpressionProblem {
  if (error instanceof ParseError || error instanceof CelTypeError || error instanceof EvaluationError) {
    return { message: error.summary, at: error.range?.start ?? 0 };
  }
  throw error;
}

function errorKind(error: Error): EvaluationErrorKind {
  if (error === COST_EXCEEDED) return 'cost-exceeded';
  return error instanceof EvaluationError && ABSENT_CODES.has(error.code) ? 'no-such-key' : 'other';
}
