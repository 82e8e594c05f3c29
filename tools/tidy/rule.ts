/** What a house rule is. */
import type { Repository } from './source/index.ts';

/** One place that breaks a rule. */
export interface Problem {
  readonly path: string;
  /** Counted from 1; 0 when the whole file is meant. */
  readonly line: number;
  readonly message: string;
}

/** A rule of the house, as a pure function of the repository's text. */
export interface Rule {
  /** A sentence that holds when the rule is kept. */
  readonly name: string;
  check(repository: Repository): readonly Problem[];
}

/** `path:line message`, as editors and terminals link it. */
export const formatProblem = (problem: Problem): string => `${problem.path}:${problem.line} ${problem.message}`;
