import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Clock } from '@modelmesh/core';
import { systemClock } from '@modelmesh/sdk/client';
import { type ExitCode, runCli } from '../index.ts';
import type { Child, CliWorld, Command } from '../world.ts';

/** What a {@link FakeWorld} may be given. */
export interface FakeWorldOptions {
  readonly env?: Readonly<Record<string, string>>;
  readonly clock?: Clock;
  readonly stdin?: string;
  /** Whether a person looks at the output. */
  readonly terminal?: boolean;
  /** What programs end with that this one becomes. */
  readonly becomes?: number;
  /** Programs that the search path has. */
  readonly programs?: Readonly<Record<string, string>>;
  /** What programs write that this one runs, and what they end with. */
  readonly runs?: { readonly lines: readonly string[]; readonly code: number };
}

/** A world of its own for one command line: a folder, no environment, outputs as texts. */
export class FakeWorld implements Disposable {
  readonly folder = mkdtempSync(join(tmpdir(), 'mmesh-cli-'));
  readonly interruption = new AbortController();
  /** Programs that were started or become. */
  readonly commands: Command[] = [];
  /** Command lines of processes that run, by their id; each ends by any signal. */
  readonly processes = new Map<number, string>();
  /** Processes that end with another one. */
  readonly endWith = new Map<number, readonly number[]>();
  /** Signals that were sent. */
  readonly signals: (readonly [pid: number, signal: string])[] = [];
  out = '';
  err = '';
  readonly #options: FakeWorldOptions;

  constructor(options: FakeWorldOptions = {}) {
    this.#options = options;
  }

  /** Runs a command line; outputs are those of this run alone. */
  async run(...args: readonly string[]): Promise<ExitCode> {
    [this.out, this.err] = ['', ''];
    return runCli(args, this.#world());
  }

  [Symbol.dispose](): void {
    rmSync(this.folder, { recursive: true });
  }

  #world(): CliWorld {
    const { env = {}, clock = systemClock, stdin = '', terminal = false, becomes = 0 } = this.#options;
    const sink = (write: (text: string) => void) => ({ write, isTerminal: terminal, columns: 80 });
    return {
      out: sink((text) => {
        this.out += text;
      }),
      err: sink((text) => {
        this.err += text;
      }),
      env,
      cwd: this.folder,
      clock,
      interrupted: this.interruption.signal,
      node: { program: '/node', args: ['--conditions=mesh-source'] },
      awake: (work) => work(),
      processes: {
        own: 4711,
        commandOf: (pid) => this.processes.get(pid),
        signal: (pid, signal) => {
          this.signals.push([pid, signal]);
          for (const ended of [pid, ...(this.endWith.get(pid) ?? [])]) this.processes.delete(ended);
        },
      },
      find: (program) => this.#options.programs?.[program],
      freePorts: async (count) => Array.from({ length: count }, (_, at) => 40_000 + at),
      readStdin: async () => Buffer.from(stdin),
      become: async (command) => {
        this.commands.push(command);
        return becomes;
      },
      run: async (command, onLine) => {
        this.commands.push(command);
        const { lines, code } = this.#options.runs ?? { lines: [], code: 0 };
        for (const line of lines) onLine(line);
        return code;
      },
      start: (command) => this.#start(command),
    };
  }

  #start(command: Command): Child {
    this.commands.push(command);
    return { pid: 1, ended: Promise.resolve(1), lastLines: () => ['the node cannot start: no luck'], kill: () => undefined };
  }
}
