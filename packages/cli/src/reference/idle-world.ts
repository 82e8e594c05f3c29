import { type Clock, epochMs, monotonicMs } from '@modelmesh/core';
import type { CliWorld, TextSink } from '../world.ts';

const NOBODY: TextSink = { write: () => undefined, isTerminal: false, columns: 80 };
const STANDING: Clock = {
  wallMs: () => epochMs(0),
  monotonicMs: () => monotonicMs(0),
  after: () => ({ cancel: () => undefined }),
};
const never = (): never => {
  throw new TypeError('commands that are only described are never run');
};

/** A world for commands that are described and not run. */
export const idleWorld: CliWorld = {
  out: NOBODY,
  err: NOBODY,
  env: {},
  cwd: '/',
  clock: STANDING,
  interrupted: new AbortController().signal,
  node: { program: '', args: [] },
  awake: never,
  processes: { own: 0, commandOf: never, signal: never },
  find: never,
  freePorts: never,
  readStdin: never,
  become: never,
  run: never,
  start: never,
};
