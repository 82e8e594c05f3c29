/** What a strategy of a plug-in runs in: a thread of its own, so that nothing that it does holds up more than the one who asks it. */
import { type MessagePort, parentPort, workerData } from 'node:worker_threads';
import { assert, toMeshError } from '@modelmesh/core';
import type { PickContext, StrategyPlugin, WeightsContext } from '@modelmesh/sdk/strategy';
import { type StrategyModule, strategyIn } from './load-plugins.ts';
import { answerQuestions } from './pick-channel.ts';
import { nextTurn, nowMs } from './thread-clock.ts';

/** What the thread is started with. */
export interface StrategyThreadSetup {
  readonly strategy: StrategyModule;
  /** Of a strategy that picks. */
  readonly channel: SharedArrayBuffer | null;
}

/** What the thread says. */
export type FromStrategy =
  | { readonly kind: 'ready' }
  | { readonly kind: 'cannot'; readonly message: string }
  /** How long one answer took, told of some. */
  | { readonly kind: 'took'; readonly ms: number }
  | { readonly kind: 'threw'; readonly message: string }
  | { readonly kind: 'weights'; readonly request: number; readonly weights: unknown }
  | { readonly kind: 'failed'; readonly request: number; readonly message: string };

/** What it is told. */
export interface ToStrategy {
  readonly kind: 'weigh';
  readonly request: number;
  readonly context: WeightsContext;
}

/** Of so many answers one is timed for certain; those that follow a slow one are too. */
const TIMED_EACH = 16;
/** A call that takes longer than this is worth to time those that follow. */
const SLOW_FROM_MS = 0.05;
/** A sentence for every throw would be a flood. */
const THROWS_TOLD_EVERY_MS = 1000;

assert(parentPort !== null, 'a strategy runs in a thread of a node');
const owner: MessagePort = parentPort;
const setup: StrategyThreadSetup = workerData;
const say = (message: FromStrategy): void => owner.postMessage(message);
const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

function weigh(plugin: Extract<StrategyPlugin, { form: 'weights' }>): void {
  owner.on('message', async ({ request, context }: ToStrategy) => {
    try {
      say({ kind: 'weights', request, weights: await plugin.weights(context) });
    } catch (error) {
      say({ kind: 'failed', request, message: messageOf(error) });
    }
  });
}

function pick(plugin: Extract<StrategyPlugin, { form: 'pick' }>, channel: SharedArrayBuffer): Promise<never> {
  let answers = 0;
  let timedUntil = TIMED_EACH;
  let toldMs = Number.NEGATIVE_INFINITY;
  const timed = (context: PickContext): string | undefined => {
    const beganMs = nowMs();
    try {
      return plugin.pick(context);
    } finally {
      const ms = nowMs() - beganMs;
      if (ms > SLOW_FROM_MS) timedUntil = answers + TIMED_EACH;
      say({ kind: 'took', ms });
    }
  };
  const answer = (question: string): number | null => {
    const context: PickContext = JSON.parse(question);
    answers += 1;
    try {
      const name = answers <= timedUntil || answers % TIMED_EACH === 0 ? timed(context) : plugin.pick(context);
      if (name === undefined) return null;
      const index = context.variants.findIndex((one) => one.name === name);
      if (index < 0) throw new TypeError(`it answered ${JSON.stringify(name)}, which is no variant with a weight`);
      return index;
    } catch (error) {
      if (nowMs() - toldMs >= THROWS_TOLD_EVERY_MS) {
        toldMs = nowMs();
        say({ kind: 'threw', message: messageOf(error) });
      }
      throw error;
    }
  };
  return answerQuestions(channel, answer, nextTurn);
}

try {
  const plugin = await strategyIn(setup.strategy);
  say({ kind: 'ready' });
  if (plugin.form === 'weights') weigh(plugin);
  else if (setup.channel !== null) await pick(plugin, setup.channel);
} catch (error) {
  say({ kind: 'cannot', message: toMeshError(error).message });
}
