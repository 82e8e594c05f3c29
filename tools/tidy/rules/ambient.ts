/** The doors of clock, chance and environment: a literal list, each with its reason. Whoever adds a line says why. */
import type { SourceFile } from '../source/index.ts';

/** What the world gives to a program without being asked; a `turn` is a place in the event loop's order, which a simulation must own too. */
export type Ambient = 'clock' | 'random' | 'env' | 'turn';

interface Door {
  /** Matches a path of the repository. */
  readonly path: RegExp;
  readonly may: readonly Ambient[];
  readonly because: string;
}

const EVERYTHING: readonly Ambient[] = ['clock', 'random', 'env', 'turn'];

const DOORS: readonly Door[] = [
  { path: /^packages\/[^/]+\/src\/(.+\/)?main\.ts$/, may: ['env'], because: 'the start of a program reads its environment once' },
  {
    path: /^packages\/(?!core)[^/]+\/src\/(.+\/)?(clock\/[\w-]+|([\w-]+-)?clock)\.ts$/,
    may: ['clock', 'turn'],
    because: 'adapter of the Clock port',
  },
  {
    path: /^packages\/(?!core)[^/]+\/src\/(.+\/)?(random\/[\w-]+|([\w-]+-)?random)\.ts$/,
    may: ['random'],
    because: 'adapter of the Random port',
  },
  {
    path: /^packages\/grpc\/src\/stream\/node-http2\//,
    may: ['turn'],
    because: 'orders its callbacks after those of node:http2',
  },
  {
    path: /^packages\/mesh\/src\/dataplane\/mirror\/turns\.ts$/,
    may: ['turn'],
    because: 'lets live calls pass between two steps for shadows, thousands of times a second: a timer of 0 ms takes a whole one',
  },
  { path: /^packages\/[^/]+\/bin\//, may: ['env'], because: 'starts a program, passes the environment on' },
  {
    path: /^tools\//,
    may: ['clock', 'env', 'turn'],
    because: 'programs for work on the repository: they time suites and pass settings on',
  },
  { path: /^packages\/lab\/src\//, may: EVERYTHING, because: 'drivers measure real time and start programs' },
  { path: /\.(process|timing|real|proof)\.test\.ts$/, may: EVERYTHING, because: 'meets real processes, sockets and time' },
  {
    path: /^packages\/[^/]+\/src\/.*(\.test\.ts|\/(testing|contract)\/.*|contract\.ts)$/,
    may: ['turn'],
    because: 'a suite may wait for a turn, never for time',
  },
];

/** Whether one of the doors lets `file` read `ambient`. */
export const isAllowed = (file: SourceFile, ambient: Ambient): boolean =>
  DOORS.some((door) => door.path.test(file.path) && door.may.includes(ambient));
