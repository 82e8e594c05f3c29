import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { programEnvironment } from '../node-process/index.ts';
import type { CallsOrder, LoadAnswer, LoadOrder, LoadSummary, ProcessOrder } from './load-orders.ts';

const ENTRY = fileURLToPath(new URL('./load-process-main.ts', import.meta.url));

/**
 * A process that makes gRPC loads for this one, so that neither's work disturbs the other; it stays, and is warm after its first load.
 * `await using` ends it.
 */
export class LoadProcess implements AsyncDisposable {
  readonly #child: ChildProcess;

  constructor() {
    this.#child = fork(ENTRY, { execArgv: ['--conditions=mesh-source'], env: programEnvironment() });
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  /** Makes one load; one order at a time. @throws if a call fails, or the process ends */
  run(order: LoadOrder): Promise<LoadSummary> {
    return this.#ask({ kind: 'load', ...order });
  }

  /** Opens streams and keeps them open: each has sent a message and got its answer. @throws if one ends, or the process does */
  hold(order: CallsOrder): Promise<LoadSummary> {
    return this.#ask({ kind: 'hold', ...order });
  }

  /** Sends one message on every stream that is held, all at once, and waits for the answers. */
  round(): Promise<LoadSummary> {
    return this.#ask({ kind: 'round' });
  }

  /** Ends the streams that are held. @throws if one of them does not end rightly */
  release(): Promise<LoadSummary> {
    return this.#ask({ kind: 'release' });
  }

  async #ask(order: ProcessOrder): Promise<LoadSummary> {
    const ended = new AbortController();
    const gone = once(this.#child, 'exit', { signal: ended.signal }).then(() => {
      throw new Error('the process that makes the load has ended');
    });
    const heard = once(this.#child, 'message', { signal: ended.signal });
    this.#child.send(order);
    try {
      const [answer] = (await Promise.race([heard, gone])) as [LoadAnswer];
      if (answer.failure !== undefined) throw new Error(answer.failure);
      return answer.summary;
    } finally {
      ended.abort();
      await Promise.allSettled([gone, heard]);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const ended = once(this.#child, 'exit');
    this.#child.kill('SIGKILL');
    await ended;
  }
}
