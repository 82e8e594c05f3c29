import { spawn } from 'node:child_process';
import { mkdirSync, openSync, readFileSync } from 'node:fs';
import { constants } from 'node:os';
import { dirname } from 'node:path';
import { createInterface } from 'node:readline';
import { MeshError } from '@modelmesh/core';
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
    columns: stream.columns ?? COLUMNS_DEFAULT,
  };
}

function interruption(): AbortSignal {
  const controller = new AbortController();
  const interrupt = (signal: NodeJS.Signals): void => {
    // The second one ends the process, whatever it does.
    if (controller.signal.aborted) process.exit(128 + constants.signals[signal]);
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
    ended,
    lastLines: () => readFileSync(outputPath, 'utf8').trimEnd().split('\n').slice(-LAST_LINES),
    kill: (signal) => void child.kill(signal),
  };
}

const exitOf = (code: number | null, signal: NodeJS.Signals | null): number =>
  signal === null ? (code ?? 1) : 128 + constants.signals[signal];
