import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { accessSync, constants as fsConstants, mkdirSync, openSync, readFileSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { constants } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { durationMs, MeshError } from '@modelmesh/core';
import { systemClock } from '@modelmesh/sdk/client';
import type { Child, CliWorld, Command, TextSink } from './world.ts';

/** What of a child's output is shown when it ends badly. */
const LAST_LINES = 20;
const COLUMNS_DEFAULT = 80;

type Environment = Readonly<Record<string, string | undefined>>;

/** This process, its terminal and its machine. */
export function realWorld(env: Environment): CliWorld {
  const interrupted = interruption();
  return {
    out: sinkOf(process.stdout, env),
    err: sinkOf(process.stderr, env),
    env,
    cwd: process.cwd(),
    clock: systemClock,
    interrupted,
    node: { program: process.execPath, args: process.execArgv },
    awake,
    processes: { own: process.pid, commandOf, signal },
    find: (program) => find(program, env.PATH ?? ''),
    freePorts,
    readStdin: async () => Buffer.concat(await Array.fromAsync(process.stdin as AsyncIterable<Buffer>)),
    become,
    run: (command, onLine) => run(command, onLine, interrupted),
    start,
  };
}

/** A terminal without colours (`NO_COLOR`, `TERM=dumb`) gets plain text, as a pipe does. */
function sinkOf(stream: NodeJS.WriteStream, env: Environment): TextSink {
  // Who reads us may leave first, as `head` does.
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error;
  });
  const plain = (env.NO_COLOR ?? '') !== '' || env.TERM === 'dumb';
  return {
    write: (text) => void stream.write(text),
    isTerminal: stream.isTTY && !plain,
    // A terminal that does not know its size says 0.
    columns: stream.columns > 0 ? stream.columns : COLUMNS_DEFAULT,
  };
}

/** A supervisor may signal the whole group of processes, and the launcher passes its signal on too: what comes so soon is the same one. */
const SAME_SIGNAL_MS = durationMs(500);

function interruption(): AbortSignal {
  const controller = new AbortController();
  let isAnother = false;
  const interrupt = (signal: NodeJS.Signals): void => {
    // The second one ends the process, whatever it does.
    if (isAnother) process.exit(128 + constants.signals[signal]);
    if (controller.signal.aborted) return;
    systemClock.after(SAME_SIGNAL_MS, () => {
      isAnother = true;
    });
    controller.abort(new MeshError('cancelled', 'interrupted'));
  };
  process.on('SIGINT', interrupt);
  process.on('SIGTERM', interrupt);
  process.on('SIGHUP', interrupt);
  return controller.signal;
}

const definedOnly = (env: Command['env']): Record<string, string> =>
  Object.fromEntries(Object.entries(env).filter((entry): entry is [string, string] => entry[1] !== undefined));

/** A replaced process keeps its number, its parent and its signals: nothing stands between a supervisor and the node. */
function become({ program, args, env }: Command): Promise<number> {
  if (typeof process.execve === 'function' && process.platform !== 'win32') {
    process.execve(program, [program, ...args], definedOnly(env));
  }
  const child = spawn(program, args, { stdio: 'inherit', env: definedOnly(env) });
  const pass = (signal: NodeJS.Signals): void => void child.kill(signal);
  process.on('SIGTERM', pass);
  process.on('SIGHUP', pass);
  return new Promise((resolve, reject) => {
    child.on('error', (cause) => reject(new MeshError('internal', `${program} cannot be started`, { cause })));
    child.on('exit', (code, signal) => resolve(exitOf(code, signal)));
  });
}

function run({ program, args, env }: Command, onLine: (line: string) => void, interrupted: AbortSignal): Promise<number> {
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'inherit'], env: definedOnly(env) });
  interrupted.addEventListener('abort', () => child.kill('SIGTERM'), { once: true });
  createInterface({ input: child.stdout }).on('line', onLine);
  return new Promise((resolve, reject) => {
    child.on('error', (cause) => reject(new MeshError('internal', `${program} cannot be started`, { cause })));
    child.on('close', (code, signal) => resolve(exitOf(code, signal)));
  });
}

function start({ program, args, env }: Command, outputPath: string): Child {
  mkdirSync(dirname(outputPath), { recursive: true });
  const output = openSync(outputPath, 'w');
  const child = spawn(program, args, { stdio: ['ignore', output, output], env: definedOnly(env), detached: true });
  const ended = new Promise<number>((resolve) => {
    child.on('error', () => resolve(1));
    child.on('exit', (code, signal) => resolve(exitOf(code, signal)));
  });
  return {
    pid: child.pid,
    ended,
    lastLines: () => readFileSync(outputPath, 'utf8').trimEnd().split('\n').slice(-LAST_LINES),
    kill: (signal) => void child.kill(signal),
  };
}

async function awake<Result>(work: () => Promise<Result>): Promise<Result> {
  const { port1: held } = new MessageChannel();
  held.onmessage = () => undefined;
  try {
    return await work();
  } finally {
    held.close();
  }
}

function commandOf(pid: number): string | undefined {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ').trim() || undefined;
  } catch {
    // Systems without /proc have `ps`; where it knows nothing either there is no such process.
    const { stdout, status } = spawnSync('ps', ['-o', 'args=', '-p', String(pid)], { encoding: 'utf8' });
    return status === 0 ? stdout.trim() || undefined : undefined;
  }
}

function signal(pid: number, name: 'SIGTERM' | 'SIGKILL'): void {
  try {
    process.kill(pid, name);
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ESRCH')) throw error;
  }
}

function find(program: string, path: string): string | undefined {
  for (const folder of path.split(delimiter)) {
    const candidate = join(folder, program);
    try {
      accessSync(candidate, fsConstants.X_OK);
      return candidate;
    } catch {
      // Not here: the next folder.
    }
  }
  return undefined;
}

/** All are held until each is known, so that they differ. */
async function freePorts(count: number): Promise<readonly number[]> {
  const servers = Array.from({ length: count }, () => createServer().listen(0, '127.0.0.1'));
  await Promise.all(servers.map((server) => once(server, 'listening')));
  const ports = servers.map((server) => (server.address() as AddressInfo).port);
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports;
}

const exitOf = (code: number | null, signal: NodeJS.Signals | null): number =>
  signal === null ? (code ?? 1) : 128 + constants.signals[signal];
