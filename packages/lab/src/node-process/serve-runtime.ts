import assert from 'node:assert/strict';
import { durationMs } from '@modelmesh/core';
import { type RuntimeProcessOptions, RuntimeProcess as RuntimeService } from '@modelmesh/runtime/serve';
import { realClock } from './real-clock.ts';

const MIB = 1_048_576;

/** Serves the runtime contract from this process, at a unix socket: suites see what reaches `server`, and a node takes it for any other runtime. */
export async function serveRuntime(server: RuntimeProcessOptions['server'], socketPath: string): Promise<AsyncDisposable> {
  const runtime = new RuntimeService({
    clock: realClock,
    server,
    listen: { kind: 'unix', path: socketPath },
    messageBytesMax: 4 * MIB,
    streamsMax: 1000,
    garbage: { heldBytes: () => 0, collect: () => undefined },
    onFault: (error) => assert.fail(String(error)),
  });
  await runtime.start();
  return { [Symbol.asyncDispose]: () => runtime.stop(durationMs(0)) };
}
