import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';

/** How a process ended: its exit code, or the name of the signal. */
export type ProcessEnd = number | NodeJS.Signals;

/** One line of JSON that a program wrote; `event` names what happened. */
export interface LogLine {
  readonly event: string;
  readonly [field: string]: unknown;
}

/** What a program is started with. */
export interface ProgramOptions {
  readonly entry: string;
  readonly args?: readonly string[];
  /** What Node itself is told beside that it runs sources. */
  readonly nodeFlags?: readonly string[];
  /** Its whole environment. */
  readonly environment: Readonly<Record<string, string>>;
  readonly workingFolder: string;
  /** A network namespace of this machine to run in; that of this process unless given. Needs the right to enter it. */
  readonly networkSpace?: string;
}

/** Lines that are kept; a program that writes more is cut at its beginning, which is counted. */
export const LOG_LINES_MAX = 20_000;
/** Lines of plain text that an error shows. */
const SHOWN_LINES_MAX = 20;

const living = new Set<ChildProcess>();
// A suite that dies must not leave its nodes behind.
process.on('exit', () => {
  for (const child of living) child.kill('SIGKILL');
});

/** A program of this repository as a child process: started from source, its log read line by line. */
export class Program {
  readonly process: ChildProcess;
  /** Resolves when it has ended and its output was read to the end. */
  readonly ended: Promise<ProcessEnd>;
  readonly #heard = new Set<(line: LogLine) => void>();
  /** Lines that nobody has asked for yet: what reads a program that logs thousands of lines a second must not take a core itself. */
  #unread: string[] = [];
  readonly #log: LogLine[] = [];
  readonly #text: string[] = [];
  #droppedLines = 0;
  #end: ProcessEnd | undefined;

  constructor(options: ProgramOptions) {
    const { nodeFlags = [], entry, args: own = [] } = options;
    const line = [process.execPath, '--conditions=mesh-source', ...nodeFlags, entry, ...own];
    // `ip` becomes the program itself, so that its id and its signals are the program's.
    if (options.networkSpace !== undefined) line.unshift('ip', 'netns', 'exec', options.networkSpace);
    const [command = '', ...args] = line;
    this.process = spawn(command, args, {
      cwd: options.workingFolder,
      env: options.environment,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    living.add(this.process);
    for (const output of [this.process.stdout, this.process.stderr]) {
      if (output !== null) createInterface({ input: output }).on('line', (line) => this.#take(line));
    }
    this.ended = new Promise((resolve, reject) => {
      this.process.once('error', reject);
      this.process.once('close', (code, signal) => {
        living.delete(this.process);
        this.#end = code ?? signal ?? 0;
        resolve(this.#end);
      });
    });
  }

  get pid(): number {
    const { pid } = this.process;
    if (pid === undefined) throw new Error('the process was not started');
    return pid;
  }

  /** Lines of JSON so far, oldest first. */
  get log(): readonly LogLine[] {
    this.#read();
    return this.#log;
  }

  /** Everything else that was written to standard output and error. */
  get text(): readonly string[] {
    this.#read();
    return this.#text;
  }

  /** Lines that were thrown away because there were more than {@link LOG_LINES_MAX}. */
  get droppedLines(): number {
    this.#read();
    return this.#droppedLines;
  }

  get hasEnded(): boolean {
    return this.#end !== undefined;
  }

  /** The first line that `matches`, past or future. @throws if the program ends without, or `timeoutMs` pass. */
  until(matches: (line: LogLine) => boolean, what: string, timeoutMs: number): Promise<LogLine> {
    const past = this.log.find(matches);
    if (past !== undefined) return Promise.resolve(past);
    const { promise, resolve, reject } = Promise.withResolvers<LogLine>();
    const hear = (line: LogLine): void => {
      if (matches(line)) resolve(line);
    };
    const timer = setTimeout(() => reject(this.#failure(`no ${what} within ${timeoutMs} ms`)), timeoutMs);
    this.#heard.add(hear);
    void this.ended.then((how) => reject(this.#failure(`ended (${how}) before ${what}`)), reject);
    return promise.finally(() => {
      clearTimeout(timer);
      this.#heard.delete(hear);
    });
  }

  /** Sends a signal and waits for the end. */
  async kill(signal: NodeJS.Signals): Promise<ProcessEnd> {
    if (this.#end === undefined) this.process.kill(signal);
    return this.ended;
  }

  #take(line: string): void {
    this.#unread.push(line);
    if (this.#heard.size > 0 || this.#unread.length > LOG_LINES_MAX) this.#read();
  }

  #read(): void {
    const lines = this.#unread;
    if (lines.length === 0) return;
    this.#unread = [];
    for (const line of lines) {
      const parsed = parseLine(line);
      if (parsed === undefined) {
        this.#text.push(line);
        continue;
      }
      this.#log.push(parsed);
      for (const hear of this.#heard) hear(parsed);
    }
    for (const kept of [this.#log, this.#text]) {
      const excess = kept.length - LOG_LINES_MAX;
      if (excess <= 0) continue;
      kept.splice(0, excess);
      this.#droppedLines += excess;
    }
  }

  #failure(what: string): Error {
    const lines = [...this.log.slice(-SHOWN_LINES_MAX).map((line) => JSON.stringify(line)), ...this.text.slice(-SHOWN_LINES_MAX)];
    return new Error(`${what}; its last lines:\n${lines.join('\n')}`);
  }
}

function parseLine(line: string): LogLine | undefined {
  if (!line.startsWith('{')) return undefined;
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === 'object' && value !== null && 'event' in value && typeof value.event === 'string'
      ? (value as LogLine)
      : undefined;
  } catch {
    return undefined;
  }
}
