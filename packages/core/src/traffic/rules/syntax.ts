/** Where a part of an expression stands: offsets in UTF-16 units, parentheses around it included. */
interface Extent {
  readonly at: number;
  readonly end: number;
}

/** Operators of two operands, without `&&` and `||`. */
export type BinaryOperator = '==' | '!=' | '<' | '<=' | '>' | '>=' | 'in' | '+' | '-' | '*' | '/' | '%';

/** Names that stand for a loop or a question about a field instead of a function. */
export const MACROS = ['has', 'all', 'exists', 'exists_one', 'map', 'filter'] as const;

/** A literal value. */
export interface Literal extends Extent {
  readonly kind: 'literal';
  readonly value: string | number | bigint | boolean;
}

/** A function, a method (with a `target`) or a macro. */
export interface Call extends Extent {
  readonly kind: 'call';
  readonly target: Expression | null;
  readonly name: string;
  readonly nameAt: number;
  readonly args: readonly Expression[];
}

/** A parsed expression. */
export type Expression =
  | Literal
  | Call
  | (Extent & { readonly kind: 'name'; readonly name: string })
  | (Extent & { readonly kind: 'select'; readonly object: Expression; readonly field: string; readonly fieldAt: number })
  | (Extent & { readonly kind: 'index'; readonly object: Expression; readonly key: Expression })
  | (Extent & { readonly kind: 'unary'; readonly operator: '!' | '-'; readonly operand: Expression })
  | (Extent & {
      readonly kind: 'logical';
      readonly operator: '&&' | '||';
      readonly left: Expression;
      readonly right: Expression;
    })
  | (Extent & {
      readonly kind: 'binary';
      readonly operator: BinaryOperator;
      readonly operatorAt: number;
      readonly left: Expression;
      readonly right: Expression;
    })
  | (Extent & { readonly kind: 'conditional'; readonly test: Expression; readonly yes: Expression; readonly no: Expression })
  | (Extent & { readonly kind: 'list'; readonly elements: readonly Expression[] });

/** One kind of expression. */
export type ExpressionOf<Kind extends Expression['kind']> = Extract<Expression, { kind: Kind }>;

/** The parts directly within `node`, in the order in which they are written. */
export function partsOf(node: Expression): readonly Expression[] {
  switch (node.kind) {
    case 'literal':
    case 'name':
      return [];
    case 'select':
      return [node.object];
    case 'index':
      return [node.object, node.key];
    case 'unary':
      return [node.operand];
    case 'logical':
    case 'binary':
      return [node.left, node.right];
    case 'conditional':
      return [node.test, node.yes, node.no];
    case 'list':
      return node.elements;
    case 'call':
      return node.target === null ? node.args : [node.target, ...node.args];
  }
}
