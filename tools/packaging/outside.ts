/** What somebody outside of this repository has: their own Node and npm, none of our tools, variables or folders. */
import { type ChildProcess, spawn } from 'node:child_process';
import { createServer } from 'node:net';
import { delimiter, join } from 'node:path';

/** How a command ended, and what it printed. */
export interface Ended {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
  readonly tookMs: number;
}

/** Where and for how long a command runs. */
export interface OutsideOptions {
  readonly cwd: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly timeoutMs: number;
}

/** A program and its first arguments. */
export type Command = readonly [program: string, ...args: readonly string[]];

/** Variables by which npm tells its scripts who called them; a new npm would take them for its own settings. */
const OF_NPM =
  /^(npm_(lifecycle|package|config_(local_|global_)?prefix|config_user_agent|command|execpath|node_execpath)|INIT_CWD$)/;
const OURS = /^(MESH_|MM_|NODE_|FORCE_COLOR$)/;

/** The environment of a user: ours without what npm, the runner of the suites and settings of a mesh put there. */
export function outsideEnvironment(): Record<string, string> {
  const entries = Object.entries(process.env).filter(
    (entry): entry is [string, string] => entry[1] !== undefined && !OF_NPM.test(entry[0]) && !OURS.test(entry[0]),
  );
  const path = (process.env.PATH ?? '').split(delimiter).filter((folder) => !/[\\/]node_modules[\\/]|node-gyp-bin/.test(folder));
  return { ...Object.fromEntries(entries), PATH: path.join(delimiter) };
}

/** Runs a command of the user to its end; one that takes longer than its time is ended and has no code. */
export async function runOutside([program, ...first]: Command, args: readonly string[], options: OutsideOptions): Promise<Ended> {
  const beganMs = performance.now();
  const child = spawn(program, [...first, ...args], {
    cwd: options.cwd,
    env: { ...outsideEnvironment(), ...options.env },
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: options.timeoutMs,
  });
  const [out, err, code] = await Promise.all([textOf(child.stdout), textOf(child.stderr), endOf(child)]);
  return { code, out, err, tookMs: performance.now() - beganMs };
}

/** Runs a command that must succeed. @throws with what it printed if it does not */
export async function succeed(command: Command, args: readonly string[], options: OutsideOptions): Promise<Ended> {
  const ended = await runOutside(command, args, options);
  if (ended.code === 0) return ended;
  throw new Error(`${[...command, ...args].join(' ')} ended with ${ended.code}:\n${ended.out}${ended.err}`);
}

/** Resolves with the exit code, `null` after a signal. @throws if the program cannot be started */
export function endOf(child: ChildProcess): Promise<number | null> {
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve);
  });
}

async function textOf(output: NodeJS.ReadableStream): Promise<string> {
  let text = '';
  for await (const chunk of output) text += String(chunk);
  return text;
}

/** A port of the loopback that was free a moment ago. */
export function freePort(): Promise<number> {
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  const server = createServer();
  server.once('error', reject);
  server.listen(0, '127.0.0.1', () => {
    const address = server.address();
    server.close(() => resolve(typeof address === 'object' && address !== null ? address.port : 0));
  });
  return promise;
}

/** The npm of this major version: the installed one, else one that is fetched into `folder`. */
export async function npmOfMajor(major: number, folder: string): Promise<Command> {
  const options = { cwd: folder, timeoutMs: 120_000 };
  const installed = await runOutside(['npm'], ['--version'], options);
  if (installed.code === 0 && installed.out.startsWith(`${major}.`)) return ['npm'];
  await succeed(['npm'], ['install', '--no-save', '--ignore-scripts', '--no-audit', '--prefix', folder, `npm@${major}`], options);
  return ['node', join(folder, 'node_modules', 'npm', 'bin', 'npm-cli.js')];
}
