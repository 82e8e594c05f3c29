import type { Clock } from '@modelmesh/core';

/** A stream of text that a command writes to. */
export interface TextSink {
  write(text: string): void;
  /** Whether a person looks at it: colours and progress only then. */
  readonly isTerminal: boolean;
  /** Columns of the terminal; 80 where there is none. */
  readonly columns: number;
}

/** A program to run. */
export interface Command {
  readonly program: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
}

/** A program that runs beside this one. */
export interface Child {
  /** How it ended: its exit code, or that of a signal as shells count it (128 + number). Never rejects. */
  readonly ended: Promise<number>;
  /** The last lines of its error output. */
  lastLines(): readonly string[];
  kill(signal: 'SIGINT' | 'SIGTERM'): void;
}

/** Everything outside that a command may use: tests give another one. */
export interface CliWorld {
  readonly out: TextSink;
  readonly err: TextSink;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  readonly clock: Clock;
  /** Aborts on the first Ctrl-C or SIGTERM. */
  readonly interrupted: AbortSignal;
  /** The Node that runs this program, and its flags: what starts others of ours. */
  readonly node: { readonly program: string; readonly args: readonly string[] };
  readStdin(): Promise<Buffer>;
  /** Becomes another program; where the system cannot, runs it and gives its exit code. */
  become(command: Command): Promise<number>;
  /** Runs a program to its end and gives each line that it writes; its error output is ours. Ctrl-C ends it. @returns its exit code */
  run(command: Command, onLine: (line: string) => void): Promise<number>;
  /** Starts a program; its output goes to a file. @throws {MeshError} if the file cannot be written */
  start(command: Command, outputPath: string): Child;
}
