import { type ChildProcess, spawn } from 'node:child_process';
import { type Clock, type DurationMs, durationMs, type MonotonicMs, type Timer } from '@modelmesh/core';
import type { RuntimeProcess } from './grpc-runtime.ts';
import { LineSplitter } from './line-splitter.ts';

/** Pause before a runtime that ended is started again: doubled with each end that came soon. */
const RESTART_PAUSE_MIN_MS = durationMs(50);
const RESTART_PAUSE_MAX_MS = durationMs(5000);
/** A runtime that lived this long did not end because of how it was started. */
const STEADY_MS = durationMs(10_000);
/** How long its last words are waited for once it has ended: a child of its own may hold the pipes open. */
const LAST_WORDS_MS = durationMs(500);
/** Lines of its log that are kept to explain why it ended. */
const LAST_LINES_MAX = 5;
/** The exit code of a runtime that cannot work with its configuration: starting it again is of no use. */
export const EXIT_CONFIGURATION = 2;

/**
 * Allocator settings without which freed models stay in the process: one arena, pages given back at once. Source: measured, see
 * `packages/runtime`.
 */
const ALLOCATOR_ENVIRONMENT = { MALLOC_ARENA_MAX: '1', MALLOC_TRIM_THRESHOLD_: '65536' } as const;

/** How a runtime is started. */
export interface EmbeddedProcessOptions {
  /** Program and arguments. */
  readonly command: readonly string[];
  /** Its whole environment but the allocator's settings, which are added. */
  readonly environment: Readonly<Record<string, string>>;
  readonly clock: Clock;
  /** How long it may take to end by itself when it is told to, before it is killed. */
  readonly stopGraceMs: DurationMs;
  /** Each line that the runtime writes. */
  readonly onLine: (line: string) => void;
  /** It ended without having been told to. */
  readonly onEnded: (message: string) => void;
}

/**
 * The runtime as a child process of the node: started again when it ends, ended with the node. Its standard input stays open as long as the
 * node lives, so that it notices when the node is killed.
 */
export class EmbeddedProcess implements RuntimeProcess {
  onGivenUp: (message: string) => void = () => {};
  readonly #options: EmbeddedProcessOptions;
  #child: ChildProcess | undefined;
  #startedMs: MonotonicMs | undefined;
  #pauseMs: DurationMs = RESTART_PAUSE_MIN_MS;
  #timer: Timer | undefined;
  #lastLines: string[] = [];
  #stopping = false;
  #told = false;

  constructor(options: EmbeddedProcessOptions) {
    this.#options = options;
  }

  /** Process id of the present life, for tests and diagnosis. */
  get pid(): number | undefined {
    return this.#child?.pid;
  }

  start(): void {
    const { command, environment, clock } = this.#options;
    const [program = '', ...args] = command;
    this.#startedMs = clock.monotonicMs();
    this.#told = false;
    this.#lastLines = [];
    const child = spawn(program, args, { stdio: ['pipe', 'pipe', 'pipe'], env: { ...environment, ...ALLOCATOR_ENVIRONMENT } });
    this.#child = child;
    for (const output of [child.stdout, child.stderr]) {
      const lines = new LineSplitter((line) => this.#heard(child, line));
      output.on('data', (bytes: Buffer) => lines.push(bytes));
      output.on('end', () => lines.end());
    }
    // A pipe to a child that just died: the exit says it all.
    child.stdin.on('error', () => {});
    child.on('error', (error) => {
      // Also told of a signal that could not be sent, which ends nothing.
      if (child.pid === undefined) this.#ended(child, error.message, null);
    });
    child.on('exit', (code, signal) => {
      const how = signal === null ? `exit code ${code}` : `signal ${signal}`;
      const timer = clock.after(LAST_WORDS_MS, () => this.#ended(child, how, code));
      child.once('close', () => {
        timer.cancel();
        this.#ended(child, how, code);
      });
    });
  }

  async restart(_reason: string): Promise<void> {
    this.#told = true;
    await this.#end();
  }

  async stop(): Promise<void> {
    this.#stopping = true;
    this.#timer?.cancel();
    await this.#end();
  }

  #heard(child: ChildProcess, line: string): void {
    this.#options.onLine(line);
    if (this.#child !== child) return;
    this.#lastLines.push(line);
    if (this.#lastLines.length > LAST_LINES_MAX) this.#lastLines.shift();
  }

  #ended(child: ChildProcess, how: string, code: number | null): void {
    if (this.#child !== child) return;
    this.#child = undefined;
    if (this.#stopping) return;
    const message = [`the runtime ended (${how})`, ...this.#lastLines].join('; ');
    if (code === EXIT_CONFIGURATION) {
      this.onGivenUp(message);
      return;
    }
    if (!this.#told) this.#options.onEnded(message);
    const { clock } = this.#options;
    const livedMs = clock.monotonicMs() - (this.#startedMs ?? clock.monotonicMs());
    const soon = livedMs < STEADY_MS && !this.#told;
    const pauseMs = soon ? this.#pauseMs : RESTART_PAUSE_MIN_MS;
    this.#pauseMs = soon ? durationMs(Math.min(RESTART_PAUSE_MAX_MS, this.#pauseMs * 2)) : RESTART_PAUSE_MIN_MS;
    this.#timer = clock.after(pauseMs, () => this.start());
  }

  #end(): Promise<void> {
    const child = this.#child;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return Promise.resolve();
    return new Promise((resolve) => {
      const timer = this.#options.clock.after(this.#options.stopGraceMs, () => child.kill('SIGKILL'));
      child.once('exit', () => {
        timer.cancel();
        resolve();
      });
      child.kill('SIGTERM');
    });
  }
}
