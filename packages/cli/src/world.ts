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
  /** `undefined` where it could not be started. */
  readonly pid: number | undefined;
  /** How it ended: its exit code, or that of a signal as shells count it (128 + number). Never rejects. */
  readonly ended: Promise<number>;
  /** The last lines of its error output. */
  lastLines(): readonly string[];
  kill(signal: 'SIGINT' | 'SIGTERM' | 'SIGKILL'): void;
}

/** Processes of this machine by their id. */
export interface Processes {
  /** Id of the process that runs this. */
  readonly own: number;
  /** The whole command line of a process that runs; `undefined` where there is none, or it is not ours to see. */
  commandOf(pid: number): string | undefined;
  /** Sends a signal; nothing where the process is gone. */
  signal(pid: number, signal: 'SIGTERM' | 'SIGKILL'): void;
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
  /** Keeps this program running while `work` does nothing but wait, since timers of the clock do not. */
  awake<Result>(work: () => Promise<Result>): Promise<Result>;
  readonly processes: Processes;
  /** Where the search path has a program. */
  find(program: string): string | undefined;
  /** Ports of the loopback that nobody listens on now. */
  freePorts(count: number): Promise<readonly number[]>;
  readStdin(): Promise<Buffer>;
  /** Becomes another program; where the system cannot, runs it and gives its exit code. */
  become(command: Command): Promise<number>;
  /** Runs a program to its end and gives each line that it writes; its error output is ours. Ctrl-C ends it. @returns its exit code */
  run(command: Command, onLine: (line: string) => void): Promise<number>;
  /** Starts a program; its output goes to a file. @throws {MeshError} if the file cannot be written */
  start(command: Command, outputPath: string): Child;
}
