import type { ExpressionProblem } from './port.ts';

/** Ends the reading of an expression. Never leaves the room: the door turns it into an {@link ExpressionProblem}. */
export class ExpressionFault extends Error {
  override readonly name = 'ExpressionFault';
  readonly at: number;

  /** @param at offset of the first character concerned, in UTF-16 units */
  constructor(message: string, at: number) {
    super(message);
    this.at = at;
  }
}

/** What `read` gives, or the fault that ended it, as a value. */
export function orProblem<Value>(read: () => Value): Value | ExpressionProblem {
  try {
    return read();
  } catch (error) {
    if (error instanceof ExpressionFault) return { message: error.message, at: error.at };
    throw error;
  }
}

/** Tells a problem from what was compiled. */
export const isProblem = (result: object): result is ExpressionProblem => 'message' in result && 'at' in result;
