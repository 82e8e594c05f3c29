import { join } from 'node:path';
import { freePorts } from '@modelmesh/mesh/kv/testing';
import { ForeignProcess } from './foreign-process.ts';
import type { Way } from './way.ts';

/**
 * How the runtime answers: `frames` by frames of its own, the answers of many calls in one write, so that next to nothing is measured but what stands in
 * front of it; `handler` through Go's net/http, each answer a write of its own, which everything in front of it pays for with a read.
 */
export const RUNTIME_KINDS = ['frames', 'handler'] as const;
export type RuntimeKind = (typeof RUNTIME_KINDS)[number];

/** The runtime that all ways lead to, on one core: `backend/`, which answers each message with the same bytes. `await using` ends it. */
export class BenchRuntime implements AsyncDisposable {
  readonly inferencePath: string;
  readonly managementPath: string;
  /** The same calls without anything between. */
  readonly direct: Way;
  readonly #process: ForeignProcess;

  private constructor(process: ForeignProcess, folder: string, port: number) {
    this.#process = process;
    [this.inferencePath, this.managementPath] = pathsIn(folder);
    this.direct = { name: 'direct', port, encrypted: false, pids: () => [] };
  }

  /** Starts it with its sockets in `folder`. */
  static async start(backend: string, kind: RuntimeKind, folder: string): Promise<BenchRuntime> {
    const [port = 0] = await freePorts(1);
    const [inference, management] = pathsIn(folder);
    const args = [
      ...(kind === 'frames' ? ['-frames'] : []),
      '-tcp',
      `127.0.0.1:${port}`,
      '-inference',
      `unix:${inference}`,
      '-management',
      `unix:${management}`,
    ];
    const process = new ForeignProcess(backend, args, { GOMAXPROCS: '1' });
    await process.listening(port);
    return new BenchRuntime(process, folder, port);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#process[Symbol.asyncDispose]();
  }
}

const pathsIn = (folder: string): [string, string] => [join(folder, 'inference.sock'), join(folder, 'management.sock')];
