/**
 * The runtime process: reads its configuration from the environment, listens, and ends on SIGTERM or with its parent.
 *
 * It tells that it listens in one line of JSON on the standard output, and as a message where there is an IPC channel. Exit codes: 0 told to
 * end, 1 failed, 2 a configuration that cannot work.
 */
import { availableParallelism, tmpdir, totalmem } from 'node:os';
import { toMeshError } from '@modelmesh/core';
import { composeRuntime } from './compose.ts';
import { parseRuntimeConfig, type RuntimeConfig } from './config/index.ts';
import { checkRuntimeEnvironment } from './memory/index.ts';
import type { RuntimeProcess } from './serve/index.ts';

const EXIT_FAILED = 1;
/** It cannot work with what it was told: starting it again the same way is of no use. */
const EXIT_CONFIGURATION = 2;

function log(event: string, fields: Readonly<Record<string, unknown>>): void {
  process.stdout.write(`${JSON.stringify({ event, ...fields })}\n`);
}

/** The container's limit where there is one. */
function memoryBytes(): number {
  const limit = process.constrainedMemory();
  return limit > 0 ? Math.min(limit, totalmem()) : totalmem();
}

function readConfig(): RuntimeConfig {
  const machine = { memoryBytes: memoryBytes(), cores: availableParallelism(), temporaryFolder: tmpdir() };
  const config = parseRuntimeConfig(process.env, machine);
  if (config.server === 'onnx' && process.platform === 'linux') checkRuntimeEnvironment(process.env);
  return config;
}

/** Ends on SIGTERM after a grace, and at once when the parent is gone: a runtime must not outlive its node. */
function endWith(runtime: RuntimeProcess, config: RuntimeConfig): void {
  let isStopping = false;
  const stop = (why: string): void => {
    if (isStopping) return;
    isStopping = true;
    log('stopping', { why });
    runtime.stop(config.graceMs).then(
      () => process.exit(0),
      (error: unknown) => {
        log('stop failed', { message: toMeshError(error).message });
        process.exit(EXIT_FAILED);
      },
    );
  };
  process.on('SIGTERM', () => stop('SIGTERM'));
  // Ctrl-C reaches parent and child alike; a parent that drains first tells its child when to end.
  const hasParent = process.connected === true || config.endsWithStdin;
  process.on('SIGINT', () => {
    if (!hasParent) stop('SIGINT');
  });
  const orphaned = (): void => process.exit(0);
  if (process.connected === true) process.once('disconnect', orphaned);
  if (config.endsWithStdin) process.stdin.on('end', orphaned).on('close', orphaned).on('error', orphaned).resume();
}

async function run(): Promise<void> {
  // Who read its output may be gone before it is told to end.
  process.stdout.on('error', () => undefined);
  const config = readConfig();
  const runtime = await composeRuntime(config, (error, what) => {
    log('fault', {
      what,
      message: error instanceof Error ? error.message : String(error),
      stack: error instanceof Error ? error.stack : undefined,
    });
  });
  endWith(runtime, config);
  const started = runtime.start();
  await Promise.race([runtime.listening, started]);
  const where = config.listen.kind === 'unix' ? { socket: config.listen.path } : { host: config.listen.host, port: runtime.port };
  log('listening', { server: config.server, capacityBytes: config.capacityBytes, ...where });
  process.send?.({ kind: 'listening', ...where });
  await started;
  log(runtime.state.kind, runtime.state.kind === 'failing' ? { message: runtime.state.error.message } : {});
}

run().catch((error: unknown) => {
  const { kind, message, cause } = toMeshError(error);
  process.stderr.write(`${message}\n`);
  if (kind === 'invalid-argument') process.exit(EXIT_CONFIGURATION);
  if (kind === 'internal' && cause instanceof Error) process.stderr.write(`${cause.stack}\n`);
  process.exit(EXIT_FAILED);
});
