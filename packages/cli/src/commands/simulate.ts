import { createReadStream, createWriteStream } from 'node:fs';
import { resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { type Bytes, MeshError } from '@modelmesh/core';
import { CACHE_POLICY_NAMES, type CachePolicyName, createCachePolicy } from '@modelmesh/core/cache';
import { parseQuantity } from '@modelmesh/core/manifest';
import {
  DEFAULT_RECIPE,
  FAMILY_NAMES,
  type FamilyName,
  makeTrace,
  type Recipe,
  replayTrace,
  TRACE_CALLS_MAX,
  TRACE_MODELS_MAX,
  type Trace,
  TraceReader,
  traceLines,
} from '@modelmesh/core/replay';
import { type Command, InvalidArgumentError, Option } from 'commander';
import type { Cli } from '../cli.ts';
import { type Format, printValue } from '../output/index.ts';
import { fileError, withOutput } from '../session.ts';
import { printSimulation, simulationValue } from '../simulation/index.ts';

/** `mmesh simulate`. */
export function addSimulate(program: Command, cli: Cli): void {
  const command = program
    .command('simulate')
    .summary('compare cache policies on a trace of calls')
    .description(
      'Runs the calls of a trace, or of a day made by chance, through the cache of a node with each policy, under virtual time and without any ' +
        'model: what would have been found, loaded and evicted. The format of traces is in docs/reference/traces.md.',
    )
    .argument('[trace]', 'file of a trace, - for the input; a family is made by chance without one')
    .addOption(new Option('--family <name>', 'kind of traffic to make').choices([...FAMILY_NAMES]).default('zipf'))
    .option('--seed <number>', 'chance that the traffic is made by', upTo(SEED_MAX), DEFAULT_RECIPE.seed)
    .option('--calls <number>', 'about as many calls', upTo(TRACE_CALLS_MAX / 2), DEFAULT_RECIPE.calls)
    .option('--models <number>', 'models that are called at a time', upTo(TRACE_MODELS_MAX / 10), DEFAULT_RECIPE.models)
    .option('--room <share>', 'part of their memory that there is room for, above 0 and up to 1', share, DEFAULT_RECIPE.roomShare)
    .option('--policy <names>', 'policies to compare, separated by commas', policies, CACHE_POLICY_NAMES)
    .option('--capacity <size>', 'memory of the cache, such as 4Gi, in place of what the trace says', capacity)
    .option('--write <file>', 'also write the trace to a file');
  withOutput(command).action(async (path: string | undefined, options: SimulateOptions) => {
    const trace = withCapacity(await traceOf(cli, path, options), options.capacity);
    if (options.write !== undefined) await writeTrace(resolve(cli.world.cwd, options.write), trace);
    const figures = options.policy.map((name) => replayTrace(trace, createCachePolicy(name)));
    printValue(cli.world, options.output, simulationValue(trace, figures), () => printSimulation(cli.world, trace, figures));
  });
}

interface SimulateOptions extends Omit<Recipe, 'roomShare'> {
  readonly output: Format;
  readonly family: FamilyName;
  readonly room: number;
  readonly policy: readonly CachePolicyName[];
  readonly capacity?: Bytes;
  readonly write?: string;
}

async function traceOf({ world }: Cli, path: string | undefined, options: SimulateOptions): Promise<Trace> {
  const { family, seed, calls, models, room } = options;
  if (path === undefined) return makeTrace(family, { seed, calls, models, roomShare: room });
  const input = path === '-' ? Readable.from([await world.readStdin()]) : createReadStream(resolve(world.cwd, path));
  const reader = new TraceReader();
  try {
    for await (const line of createInterface({ input, crlfDelay: Number.POSITIVE_INFINITY })) reader.take(line);
  } catch (error) {
    throw error instanceof MeshError ? error : fileError(path, error);
  }
  return reader.finish();
}

const withCapacity = (trace: Trace, wanted: Bytes | undefined): Trace =>
  wanted === undefined ? trace : { ...trace, cache: { ...trace.cache, capacity: wanted } };

async function writeTrace(path: string, trace: Trace): Promise<void> {
  try {
    await pipeline(Readable.from(withEnds(traceLines(trace))), createWriteStream(path));
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'unknown reason';
    throw new MeshError('invalid-argument', `${path} cannot be written: ${code}`, { cause: error });
  }
}

/** Lines joined to pieces: a stream of single lines takes several times as long. */
function* withEnds(lines: Iterable<string>): IterableIterator<string> {
  let piece = '';
  for (const line of lines) {
    piece += `${line}\n`;
    if (piece.length < PIECE_LENGTH) continue;
    yield piece;
    piece = '';
  }
  yield piece;
}

const PIECE_LENGTH = 65_536;

/** Families make some more calls and models than they are asked for, so that the limits of a trace are kept at a distance. */
function upTo(most: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (/^\d+$/.test(text) && value > 0 && value <= most) return value;
    throw new InvalidArgumentError(`expected a whole number above 0 and up to ${most}`);
  };
}

const SEED_MAX = 2 ** 31 - 1;

function share(text: string): number {
  const value = Number(text);
  if (text === '' || !(value > 0 && value <= 1)) throw new InvalidArgumentError('expected a number above 0 and up to 1');
  return value;
}

function policies(text: string): readonly CachePolicyName[] {
  return text.split(',').map((word) => {
    const found = CACHE_POLICY_NAMES.find((name) => name === word.trim());
    if (found === undefined) throw new InvalidArgumentError(`expected names of ${CACHE_POLICY_NAMES.join(', ')}`);
    return found;
  });
}

function capacity(text: string): Bytes {
  const value = parseQuantity(text);
  if (value === undefined || value === 0) throw new InvalidArgumentError('expected a size such as 512Mi or 4Gi');
  return value;
}
