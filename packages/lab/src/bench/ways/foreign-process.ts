import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect } from 'node:net';
import { familyOf } from '../../process-usage/index.ts';

const READY_TIMEOUT_MS = 30_000;
const LOOK_MS = 20;
const END_TIMEOUT_MS = 5000;
/** Characters of its output that an error shows. */
const SHOWN_CHARACTERS_MAX = 4000;

const living = new Set<ChildProcess>();
// A bench that dies must not leave its proxies behind.
process.on('exit', () => {
  for (const child of living) child.kill('SIGKILL');
});

/** A program that is not ours, in the foreground; ready when it takes connections on a port. `await using` ends it. */
export class ForeignProcess implements AsyncDisposable {
  readonly #name: string;
  readonly #child: ChildProcess;
  #said = '';
  /** It has ended, and its last words were read. */
  #hasEnded = false;

  constructor(command: string, args: readonly string[], environment: Readonly<Record<string, string>> = {}) {
    this.#name = command;
    this.#child = spawn(command, args, { env: { PATH: process.env.PATH, ...environment }, stdio: ['ignore', 'pipe', 'pipe'] });
    living.add(this.#child);
    this.#child.once('close', () => {
      living.delete(this.#child);
      this.#hasEnded = true;
    });
    this.#child.once('error', (error) => this.#hear(error.message));
    for (const output of [this.#child.stdout, this.#child.stderr]) output?.on('data', (bytes) => this.#hear(String(bytes)));
  }

  /** It and every process below it. */
  get pids(): readonly number[] {
    return this.#child.pid === undefined ? [] : familyOf(this.#child.pid);
  }

  /** What it wrote lately. */
  get said(): string {
    return this.#said;
  }

  /** Waits until it takes connections. @throws with its last words if it ends before, or takes too long */
  async listening(port: number): Promise<void> {
    const untilMs = performance.now() + READY_TIMEOUT_MS;
    while (!(await answers(port))) {
      if (this.#hasEnded || performance.now() > untilMs) throw new Error(`${this.#name} does not listen: ${this.#said}`);
      await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#hasEnded) return;
    const ended = once(this.#child, 'close');
    this.#child.kill('SIGTERM');
    const hard = setTimeout(() => this.#child.kill('SIGKILL'), END_TIMEOUT_MS);
    await ended;
    clearTimeout(hard);
  }

  #hear(text: string): void {
    this.#said = `${this.#said}${text}`.slice(-SHOWN_CHARACTERS_MAX);
  }
}

async function answers(port: number): Promise<boolean> {
  const socket = connect({ host: '127.0.0.1', port });
  try {
    await once(socket, 'connect');
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}
