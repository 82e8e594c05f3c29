/** For suites: expressions and calls that chance makes, and a whole expression as a part for an engine. */
import type { PayloadField } from '../../../records/index.ts';
import type { ExpressionLimits } from '../limits.ts';
import { parseExpression } from '../parser.ts';
import type { CheckedPart } from '../port.ts';

export {
  anyConditions,
  anyTexts,
  calls,
  factsOfCall,
  GENERATED_PAYLOAD,
  type GeneratedCall,
  ownConditions,
} from './generated-expressions.ts';

/** Limits that no generated expression meets. */
export const NO_LIMITS: ExpressionLimits = { charsMax: 1 << 20, depthMax: 1000, costMax: Number.POSITIVE_INFINITY };

/** An expression that nothing is cut out of, so that the engine runs all of it. */
export const wholePart = (source: string, payload: readonly PayloadField[]): CheckedPart => ({
  source,
  expression: parseExpression(source, NO_LIMITS),
  payload,
});
