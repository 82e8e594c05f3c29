import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { SeededRandom } from '@modelmesh/core';
import { join } from '../conversations/index.ts';
import { ConnectionCase } from './connection-case.ts';
import { type Corpus, recordCorpus } from './corpus.ts';
import { EngineCases } from './engine-cases.ts';
import { mutate, reads } from './mutate.ts';
import { Watchdog } from './watchdog.ts';

/** How long is hunted, and where. */
export interface HuntPlan {
  readonly seed: number;
  readonly forMs: number;
  /** Plays this case alone. */
  readonly only?: number;
  readonly onProgress?: (figures: HuntFigures) => void;
}

/** What a hunt came to. */
export interface HuntFigures {
  readonly seed: number;
  readonly cases: number;
  /** Of those, cases with sockets. */
  readonly engineCases: number;
  readonly streams: number;
  readonly mutatedBytes: number;
  /** Connections that ended by an error of the protocol or a limit. */
  readonly refusedConnections: number;
  readonly seconds: number;
  /** Used memory behind a full collection, after the first batch and at most since: heap and buffers. */
  readonly firstBytes: number;
  readonly mostBytes: number;
}

/** What broke, and how it is played again. */
export class FuzzFault extends Error {
  constructor(plan: HuntPlan, at: number, cause: unknown) {
    super(`case ${at} of seed ${plan.seed}: npm run lab:fuzz -- --seed ${plan.seed} --only ${at}`, { cause });
  }
}

const SAMPLES = 60;
/** Cases until memory is looked at. */
const BATCH = 400;
/** Cases without sockets for each with. */
const PLAIN_PER_ENGINE_CASE = 20;
/** How much more memory may be used behind a full collection than after the first batch. */
export const GROWTH_BYTES_MAX = 67_108_864;
/** Connections that may still be referenced from where nobody looks: a register, an inline cache. */
const REMAINING_MAX = 4;

/** Hunts for cases that break a law until the time is over. @throws {FuzzFault} with the first one */
export async function hunt(plan: HuntPlan): Promise<HuntFigures> {
  const corpus = await recordCorpus(SAMPLES);
  await using engine = await EngineCases.start();
  using watchdog = new Watchdog(`npm run lab:fuzz -- --seed ${plan.seed} --only `);
  const tally = { cases: 0, engineCases: 0, streams: 0, mutatedBytes: 0, refusedConnections: 0, firstBytes: 0, mostBytes: 0 };
  const collect = collector();
  const began = performance.now();
  const figures = (): HuntFigures => ({ seed: plan.seed, ...tally, seconds: Math.round((performance.now() - began) / 1000) });
  let remaining: WeakRef<object>[] = [];
  for (let at = plan.only ?? 0; performance.now() - began < plan.forMs; at += 1) {
    const random = new SeededRandom(plan.seed, `case ${at}`);
    watchdog.begins(at);
    try {
      if (at % (PLAIN_PER_ENGINE_CASE + 1) === PLAIN_PER_ENGINE_CASE) {
        tally.engineCases += 1;
        tally.mutatedBytes += await engine.play(random, corpus);
      } else remaining.push(playPlain(random, corpus, tally));
    } catch (error) {
      throw new FuzzFault(plan, at, error);
    }
    tally.cases += 1;
    if (plan.only !== undefined) break;
    if (tally.cases % BATCH > 0) continue;
    await new Promise((resolve) => setImmediate(resolve));
    const usedBytes = collect();
    const alive = remaining.filter((one) => one.deref() !== undefined).length;
    remaining = [];
    if (alive > REMAINING_MAX) throw new FuzzFault(plan, at, new Error(`${alive} connections that are over are still held`));
    if (tally.firstBytes === 0) tally.firstBytes = usedBytes;
    tally.mostBytes = Math.max(tally.mostBytes, usedBytes);
    if (usedBytes > tally.firstBytes + GROWTH_BYTES_MAX)
      throw new FuzzFault(plan, at, new Error(`${usedBytes} bytes are used, ${tally.firstBytes} were`));
    plan.onProgress?.(figures());
  }
  return figures();
}

interface Tally {
  streams: number;
  mutatedBytes: number;
  refusedConnections: number;
}

/** One case without sockets; returns what has to be gone at the next full collection. */
function playPlain(random: SeededRandom, { samples, frames }: Corpus, tally: Tally): WeakRef<object> {
  const sample = samples[random.below(samples.length)];
  if (sample === undefined) throw new Error('the corpus is empty');
  const side = random.below(2) === 0 ? 'server' : 'client';
  // What the one side is told is what the other has said.
  const said = mutate(random, side === 'server' ? sample.client : sample.server, frames);
  const octets = join(said);
  const one = new ConnectionCase(random, side, sample.calls);
  const { streams, end } = one.play(reads(random, octets));
  tally.streams += streams;
  tally.mutatedBytes += octets.length;
  if (end === 'error') tally.refusedConnections += 1;
  return new WeakRef(one.connection);
}

/** A function that collects all garbage and says what is used then. */
function collector(): () => number {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  return () => {
    collect();
    const { heapUsed, external } = process.memoryUsage();
    return heapUsed + external;
  };
}
