import { join } from 'node:path';
import { durationMs, MeshError, monotonicMs, sleep } from '@modelmesh/core';
import type { RestClient } from '@modelmesh/sdk/client';
import { nodeCommand } from '../programs/index.ts';
import type { Child, CliWorld } from '../world.ts';

/** How long a node may take until it is ready. */
const START_TIMEOUT_MS = durationMs(60_000);
/** How long whatever holds the port may take to show itself. */
const ANSWER_TIMEOUT_MS = durationMs(2000);
const POLL_MS = durationMs(50);

/** Where the demonstration's node lives. */
export interface DemoPlace {
  readonly port: number;
  readonly dataDir: string;
}

/** The node's output, which would drown that of the demonstration. */
export const logPathOf = ({ dataDir }: DemoPlace): string => join(dataDir, 'node.log');

/**
 * Starts a node for this machine alone and waits until it is ready.
 *
 * @throws {MeshError} `failed-precondition` if something answers at the port already, or the node ends: with its last lines
 */
export async function startDemoNode(world: CliWorld, rest: RestClient, place: DemoPlace): Promise<Child> {
  await refuseTakenPort(world, rest, place);
  const flags = [
    ['--listeners-inference-host', '127.0.0.1'],
    ['--listeners-inference-port', String(place.port)],
    ['--data-dir', place.dataDir],
    ['--probes-port', 'none'],
    ['--prestop-port', 'none'],
    ['--metrics-port', 'none'],
  ];
  const child = world.start(nodeCommand(world, flags.flat()), logPathOf(place));
  try {
    await untilReady(world, rest, child, place);
    return child;
  } catch (error) {
    child.kill('SIGTERM');
    await child.ended;
    throw error;
  }
}

async function refuseTakenPort({ clock }: CliWorld, rest: RestClient, { port }: DemoPlace): Promise<void> {
  const silence = new AbortController();
  const timer = clock.after(ANSWER_TIMEOUT_MS, () => silence.abort());
  // Whoever takes the connection and says nothing holds the port too.
  const isTaken = await rest.status({ signal: silence.signal }).then(
    () => true,
    (error: unknown) => !(error instanceof MeshError && error.kind === 'unavailable'),
  );
  timer.cancel();
  if (isTaken)
    throw new MeshError('failed-precondition', `something answers at port ${port} already; give another one with --port`);
}

async function untilReady(world: CliWorld, rest: RestClient, child: Child, place: DemoPlace): Promise<void> {
  const { clock, interrupted } = world;
  const untilMs = monotonicMs(clock.monotonicMs() + START_TIMEOUT_MS);
  let over = false;
  const ended = child.ended.then(() => {
    over = true;
  });
  for (;;) {
    if (over) throw new MeshError('failed-precondition', `the node ended:\n${child.lastLines().join('\n')}`);
    if (await isReady(rest, interrupted)) return;
    if (clock.monotonicMs() > untilMs) {
      throw new MeshError(
        'deadline-exceeded',
        `the node is not ready after ${START_TIMEOUT_MS / 1000} s; see ${logPathOf(place)}`,
      );
    }
    await Promise.race([sleep(clock, POLL_MS, interrupted), ended]);
  }
}

const isReady = (rest: RestClient, signal: AbortSignal): Promise<boolean> =>
  rest.ready({ signal }).then(
    () => true,
    () => false,
  );
