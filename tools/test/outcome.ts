/** Folds the records of a stage into what happened, suite by suite. */
import type { TestRecord } from './reporter.ts';

/** What became of one suite file. */
export interface SuiteOutcome {
  passed: number;
  durationMs: number;
  readonly failures: { readonly name: string; readonly text: string }[];
  readonly skips: { readonly name: string; readonly reason: string }[];
  /** The last lines that the suite printed. */
  readonly output: string[];
}

/** Lines of a suite's own output that are kept for the case that it fails. */
const OUTPUT_LINES_MAX = 60;

const nothing = (): SuiteOutcome => ({ passed: 0, durationMs: 0, failures: [], skips: [], output: [] });

/** Collects records; a suite that was named and never heard of has failed. */
export class Outcome {
  readonly suites = new Map<string, SuiteOutcome>();
  readonly #named: readonly string[];
  readonly #titles = new Map<string, string[]>();

  constructor(files: readonly string[]) {
    this.#named = files;
    for (const file of files) this.suites.set(file, nothing());
  }

  /** `file` of the record relative to the root. Returns the failure that it brought, if any. */
  add(record: TestRecord, file: string): { readonly name: string; readonly text: string } | undefined {
    const suite = this.suites.get(file) ?? this.#contract(record, file);
    if (suite === undefined) return undefined;
    if (record.event === 'output') {
      suite.output.push(record.text ?? '');
      if (suite.output.length > OUTPUT_LINES_MAX) suite.output.shift();
      return undefined;
    }
    const titles = this.#titles.get(file) ?? [];
    this.#titles.set(file, titles);
    titles[record.nesting] = record.name;
    if (record.event === 'start') return undefined;
    return this.#ended(suite, record, titles.slice(0, record.nesting + 1).join(' › '));
  }

  /** Tests of a contract that a suite among others calls are told by the contract's file: it counts as a suite of its own. */
  #contract(record: TestRecord, file: string): SuiteOutcome | undefined {
    if (record.event === 'output' || file === '') return undefined;
    const suite = nothing();
    this.suites.set(file, suite);
    return suite;
  }

  #ended(suite: SuiteOutcome, record: TestRecord, name: string): { readonly name: string; readonly text: string } | undefined {
    if (record.nesting === 0) suite.durationMs += record.durationMs;
    if (record.event === 'fail') {
      if (record.failure === undefined) return undefined;
      const failure = { name, text: record.failure };
      suite.failures.push(failure);
      return failure;
    }
    if (record.skipped !== undefined) suite.skips.push({ name, reason: record.skipped });
    else if (!record.suite) suite.passed += 1;
    return undefined;
  }

  /** Ends the stage: what nobody heard of, and an exit code that no failure explains, become failures. */
  close(exit: string | undefined): void {
    for (const file of this.#named) {
      // A contract may be nothing but the frame of others, so only suites that were named owe a test.
      const suite = this.suites.get(file) ?? nothing();
      if (suite.passed + suite.failures.length + suite.skips.length > 0) continue;
      suite.failures.push({ name: file, text: exit === undefined ? 'has no test' : `did not run to its end: ${exit}` });
    }
    const first = this.suites.values().next().value;
    if (exit !== undefined && this.failed === 0) first?.failures.push({ name: 'the process of the suites', text: exit });
  }

  get passed(): number {
    return this.#sum((suite) => suite.passed);
  }

  get failed(): number {
    return this.#sum((suite) => suite.failures.length);
  }

  get skipped(): number {
    return this.#sum((suite) => suite.skips.length);
  }

  #sum(of: (suite: SuiteOutcome) => number): number {
    return [...this.suites.values()].reduce((sum, suite) => sum + of(suite), 0);
  }
}
