import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { durationMs } from '@modelmesh/core';
import { rawMethod } from '@modelmesh/grpc/call';
import { ModelMesh } from '@modelmesh/wire/mmesh';
import { digits, judged, median, type Spread, spreadOf, type Table } from '../figures/index.ts';
import {
  connectGrpc,
  freeFolder,
  type GrpcConnection,
  NodeProcess,
  realClock,
  scrape,
  splitAddress,
} from '../node-process/index.ts';

/** So much more may the 99th percentile of a worker's event-loop delay be while control has much to do. */
export const MORE_DELAY_MAX_MS = 1;
const echo = rawMethod('/any.Service/Call');
const WATCH_DELAY = fileURLToPath(new URL('./watch-delay.ts', import.meta.url));

/** How long the measurement is. */
export interface DelayPlan {
  /** Quiet times and storms, in turns. */
  readonly rounds: number;
  /** Models that are registered in all storms together. */
  readonly events: number;
}

/** Delays of an event loop, in milliseconds. */
export interface Delay {
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
}

/** Of one thread: while storms met another node, and while they met its own; medians over the rounds. */
export interface ThreadDelays {
  readonly quiet: Delay;
  readonly storm: Delay;
}

/** What was measured. */
export interface DelayFigures {
  /** How much longer the 99th percentile of the worker was in a storm at its node than in the one at another node behind it, in milliseconds; over the rounds. */
  readonly moreMs: Spread;
  readonly worker: ThreadDelays;
  readonly control: ThreadDelays;
  /** What all storms together brought, and how long they took. */
  readonly registrations: number;
  readonly loads: number;
  readonly evictions: number;
  readonly stormMs: number;
  /** Calls of the load that goes on all the time. */
  readonly calls: number;
}

const THREADS = ['worker-0', 'control'] as const;
type Delays = Readonly<Record<(typeof THREADS)[number], Delay>>;
/** Room for so many copies of the models of the storm, of which there are ten times as many. */
const ROOM = 20;
const COLD_MODELS = 200;
const MODEL_BYTES = 8_388_608;
const REGISTRATIONS_AT_A_TIME = 16;
const COLD_CALLS_AT_A_TIME = 4;
const ASK_EVERY_MS = 20;
/** Each lane of the load waits so long between two calls. */
const PAUSE_MS = 5;
const STREAMS = 4;

const LOADS = 'modelmesh_loadmodel_milliseconds_count';
const EVICTIONS = 'modelmesh_age_at_eviction_milliseconds_count';

/** A node whose worker has a thread of its own, and what storms do to it. */
class Stormy implements AsyncDisposable {
  readonly node: NodeProcess;
  readonly #owner: GrpcConnection;
  readonly #caller: GrpcConnection;
  #registered = 0;

  private constructor(node: NodeProcess) {
    this.node = node;
    const [host, port] = splitAddress(node.addresses.management ?? '');
    this.#owner = connectGrpc({ kind: 'tcp', host, port: Number(port) });
    this.#caller = node.connect();
  }

  static async start(folder: string): Promise<Stormy> {
    const node = await NodeProcess.start({
      flags: {
        'runtime-server': 'null',
        'worker-threads': 'always',
        'listeners-management-port': '0',
        'runtime-capacity-bytes': String(ROOM * MODEL_BYTES),
      },
      imports: [WATCH_DELAY],
      environment: { LAB_DELAY_FOLDER: folder },
    });
    const stormy = new Stormy(node);
    await stormy.#register('echo', 'size 8192');
    for (let at = 0; at < COLD_MODELS; at++) await stormy.#register(`cold-${at}`, `size ${MODEL_BYTES}`);
    return stormy;
  }

  /** Models that storms registered. */
  get registered(): number {
    return this.#registered;
  }

  /** Registers so many models, and calls cold ones meanwhile, for which others have to make room. */
  async storm(registrations: number): Promise<void> {
    const until = this.#registered + registrations;
    let goes = true;
    const cold = inLanes(COLD_CALLS_AT_A_TIME, async (lane, turn) => {
      const model = `cold-${(lane * 47 + turn * COLD_CALLS_AT_A_TIME + lane) % COLD_MODELS}`;
      await this.#caller.client.call(echo, [Buffer.from('x')], { headers: ['mm-model-id', model] });
      return goes;
    });
    await inLanes(REGISTRATIONS_AT_A_TIME, async () => {
      this.#registered += 1;
      await this.#register(`model-${this.#registered}`, 'size 8192');
      return this.#registered < until;
    });
    goes = false;
    await cold;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#owner.close();
    this.#caller.close();
    await this.node[Symbol.asyncDispose]();
  }

  /** At a port of its own, as an owner's tools would use. */
  async #register(modelId: string, path: string): Promise<void> {
    await this.#owner.client.unary(ModelMesh.method.registerModel, { modelId, modelInfo: { type: 'null', path } });
  }
}

/**
 * Measures the event-loop delay of a worker in a thread of its own under a constant load of calls: while models are registered at its node and cold ones
 * called, and while the same happens to another node of this machine. So cores are as scarce both times, and what differs is the work of its control.
 */
export async function runDelay(plan: DelayPlan, tell: (line: string) => void = () => {}): Promise<DelayFigures> {
  await using folder = await freeFolder();
  await using elsewhere = await freeFolder();
  await using watched = await Stormy.start(folder.path);
  await using other = await Stormy.start(elsewhere.path);
  const load = constantLoad(watched.node);
  const storms: Delays[] = [];
  const quiets: Delays[] = [];
  let stormMs = 0;
  const during = async (stormy: Stormy): Promise<Delays> => {
    await delays(folder.path);
    await stormy.storm(Math.ceil(plan.events / (plan.rounds + 1)));
    return delays(folder.path);
  };
  // The first storm compiles what later ones run, and counts for nothing.
  for (let round = 0; round <= plan.rounds; round++) {
    const beganMs = performance.now();
    const storm = await during(watched);
    const tookMs = performance.now() - beganMs;
    const quiet = await during(other);
    if (round === 0) continue;
    stormMs += tookMs;
    storms.push(storm);
    quiets.push(quiet);
    tell(`round ${round} of ${plan.rounds}: p99 of the worker ${digits(p99Of(quiet))} → ${digits(p99Of(storm))} ms`);
  }
  const calls = await load.stop();
  const page = await scrape(watched.node);
  const of = (thread: keyof Delays): ThreadDelays => ({ quiet: middleOf(quiets, thread), storm: middleOf(storms, thread) });
  const counts = { registrations: watched.registered, loads: page.get(LOADS) ?? 0, evictions: page.get(EVICTIONS) ?? 0 };
  const moreMs = spreadOf(storms.map((storm, at) => p99Of(storm) - p99Of(quiets[at] ?? storm)));
  return { moreMs, worker: of('worker-0'), control: of('control'), ...counts, stormMs, calls };
}

const pause = (ms: number): Promise<void> => new Promise((resolve) => realClock.after(durationMs(ms), resolve));

/** Lanes that each do one thing after the other, until it says that it was the last. */
async function inLanes(lanes: number, once: (lane: number, turn: number) => Promise<boolean>): Promise<void> {
  const lane = async (number: number): Promise<void> => {
    for (let turn = 0; await once(number, turn); turn++);
  };
  await Promise.all(Array.from({ length: lanes }, (_, number) => lane(number)));
}

/** Calls of a warm model at an even pace, which no storm makes fewer. */
function constantLoad(node: NodeProcess): { stop(): Promise<number> } {
  const connection = node.connect();
  const stop = Promise.withResolvers<void>();
  let [ends, calls] = [false, 0];
  const lanes = inLanes(STREAMS, async () => {
    await connection.client.call(echo, [Buffer.alloc(256, 1)], { headers: ['mm-model-id', 'echo'] });
    calls += 1;
    await pause(PAUSE_MS);
    return !ends;
  });
  lanes.then(stop.resolve, stop.reject);
  // Whoever stops it hears of it.
  stop.promise.catch(() => undefined);
  return {
    stop: async () => {
      ends = true;
      await stop.promise;
      connection.close();
      return calls;
    },
  };
}

/** What each thread saw since it was asked last. */
async function delays(folder: string): Promise<Delays> {
  for (const thread of THREADS) writeFileSync(join(folder, `ask-${thread}`), '');
  while (THREADS.some((thread) => existsSync(join(folder, `ask-${thread}`)))) await pause(ASK_EVERY_MS);
  const read = (thread: string): Delay => JSON.parse(readFileSync(join(folder, `${thread}.json`), 'utf8'));
  return { 'worker-0': read('worker-0'), control: read('control') };
}

function middleOf(rounds: readonly Delays[], thread: keyof Delays): Delay {
  const middle = (of: (delay: Delay) => number): number => median(rounds.map((delays) => of(delays[thread])));
  return { p50Ms: middle(({ p50Ms }) => p50Ms), p99Ms: middle(({ p99Ms }) => p99Ms), maxMs: middle(({ maxMs }) => maxMs) };
}

const p99Of = (delays: Delays): number => delays['worker-0'].p99Ms;

/** Whether the worker waits hardly longer during storms. */
export const delayHolds = ({ worker: { quiet, storm } }: DelayFigures): boolean => storm.p99Ms - quiet.p99Ms <= MORE_DELAY_MAX_MS;

/** A line for each thread. */
export function delayTable(figures: DelayFigures): Table {
  const { registrations, loads, evictions, worker, control } = figures;
  const row = (name: string, { quiet, storm }: ThreadDelays, isJudged: boolean) => {
    const { median: middle, min, max } = figures.moreMs;
    const more = `${digits(middle)} (${digits(min)}–${digits(max)})`;
    return [
      name,
      digits(quiet.p50Ms),
      digits(storm.p50Ms),
      digits(quiet.p99Ms),
      digits(storm.p99Ms),
      isJudged ? judged(more, delayHolds(figures)) : '',
      isJudged ? digits(MORE_DELAY_MAX_MS) : '',
      digits(quiet.maxMs, 1),
      digits(storm.maxMs, 1),
    ];
  };
  return {
    title: `Event-loop delay in ms under a load: storms at another node, and at its own with ${registrations} registrations, ${loads} loads and ${evictions} evictions`,
    columns: ['', 'p50', 'in storms', 'p99', 'in storms', 'more, in pairs', 'aim', 'max', 'in storms'],
    rows: [row('the worker', worker, true), row("control's thread", control, false)],
  };
}
