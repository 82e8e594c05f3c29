/** A reporter for `node --test` that writes one line of JSON per event, for {@link ./run-stage.ts} to read. */
import { inspect } from 'node:util';

/** Stands in front of each line, so that lines of the reporter are told from what suites print. */
export const RECORD_MARK = '\u001e';

/** What the runner needs of an event. */
export interface TestRecord {
  readonly event: 'start' | 'pass' | 'fail' | 'output';
  /** The suite, or where it shares its process with others the file that the test is written in, which may be a contract. */
  readonly file: string;
  readonly name: string;
  readonly nesting: number;
  readonly suite: boolean;
  readonly durationMs: number;
  /** Why it was skipped; `undefined` when it ran. */
  readonly skipped?: string;
  /** The failure in full; absent when only tests inside failed. */
  readonly failure?: string;
  readonly text?: string;
}

interface TestEvent {
  readonly type: string;
  readonly data: {
    /** Where the test is written. */
    readonly file?: string;
    /** The suite that runs it, told where each suite has its own process. */
    readonly entryFile?: string;
    readonly name?: string;
    readonly nesting?: number;
    readonly skip?: string | boolean;
    readonly todo?: string | boolean;
    readonly message?: string;
    readonly details?: {
      readonly duration_ms?: number;
      readonly type?: string;
      readonly error?: Error & { readonly failureType?: string };
    };
  };
}

const KINDS: Readonly<Record<string, TestRecord['event']>> = {
  'test:start': 'start',
  'test:pass': 'pass',
  'test:fail': 'fail',
  'test:stdout': 'output',
  'test:stderr': 'output',
};

/** The reporter that `--test-reporter` loads. */
export default async function* report(source: AsyncIterable<TestEvent>): AsyncGenerator<string> {
  for await (const event of source) {
    const kind = KINDS[event.type];
    if (kind !== undefined) yield `\n${RECORD_MARK}${JSON.stringify(recordOf(kind, event.data))}\n`;
  }
}

function recordOf(event: TestRecord['event'], data: TestEvent['data']): TestRecord {
  const { error, duration_ms, type } = data.details ?? {};
  const skipped = reason(data.skip, 'without a reason') ?? reason(data.todo, 'not written yet');
  return {
    event,
    file: data.entryFile ?? data.file ?? '',
    name: data.name ?? '',
    nesting: data.nesting ?? 0,
    suite: type === 'suite',
    durationMs: duration_ms ?? 0,
    ...(skipped === undefined ? {} : { skipped }),
    ...(error === undefined || error.failureType === 'subtestsFailed' ? {} : { failure: inspect(error.cause ?? error) }),
    ...(data.message === undefined ? {} : { text: data.message }),
  };
}

const reason = (value: string | boolean | undefined, otherwise: string): string | undefined =>
  value === undefined || value === false ? undefined : value === true || value === '' ? otherwise : value;
