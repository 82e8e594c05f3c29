import { join } from 'node:path';
import { durationMs, monotonicMs, sleep } from '@modelmesh/core';
import { AdvisedError } from '../failure.ts';
import type { Child, CliWorld } from '../world.ts';

const START_TIMEOUT_MS = durationMs(20_000);
const ANSWER_TIMEOUT_MS = durationMs(1000);
const POLL_MS = durationMs(100);

/** An etcd of the cluster's own. */
export interface PrivateEtcd {
  readonly port: number;
  readonly child: Child;
}

/** Which etcd is started. @throws {MeshError} `failed-precondition` that says how to get one */
export function etcdBinary({ find }: CliWorld, named: string | undefined): string {
  const found = named ?? find('etcd');
  if (found !== undefined) return found;
  throw new AdvisedError(
    'failed-precondition',
    'there is no etcd on the search path, and a mesh of several nodes needs one: install it (apt-get install etcd-server, brew install etcd, or ' +
      'https://github.com/etcd-io/etcd/releases), name it with --etcd-binary, or use a running one with --registry etcd:URL',
  );
}

/** Starts it on ports of the loopback, with its data below the folder, and waits until it answers. @throws {MeshError} with its last lines */
export async function startEtcd(
  world: CliWorld,
  binary: string,
  folder: string,
  ports: readonly [number, number],
): Promise<PrivateEtcd> {
  const [port, peerPort] = ports;
  const [client, peer] = [`http://127.0.0.1:${port}`, `http://127.0.0.1:${peerPort}`];
  const args = [
    ...['--name', 'mmesh', '--data-dir', join(folder, 'etcd')],
    ...['--listen-client-urls', client, '--advertise-client-urls', client],
    ...['--listen-peer-urls', peer, '--initial-advertise-peer-urls', peer, '--initial-cluster', `mmesh=${peer}`],
    ...['--auto-compaction-mode', 'periodic', '--auto-compaction-retention', '1h'],
  ];
  const child = world.start({ program: binary, args, env: world.env }, join(folder, 'etcd.log'));
  try {
    await untilHealthy(world, child, client);
    return { port, child };
  } catch (error) {
    child.kill('SIGKILL');
    await child.ended;
    throw error;
  }
}

async function untilHealthy({ clock, interrupted }: CliWorld, child: Child, url: string): Promise<void> {
  const untilMs = monotonicMs(clock.monotonicMs() + START_TIMEOUT_MS);
  let over = false;
  void child.ended.then(() => {
    over = true;
  });
  for (;;) {
    if (over) throw new AdvisedError('failed-precondition', `etcd ended:\n${child.lastLines().join('\n')}`);
    const healthy = await answers(clock, url);
    if (healthy) return;
    if (clock.monotonicMs() > untilMs)
      throw new AdvisedError('deadline-exceeded', `etcd does not answer:\n${child.lastLines().join('\n')}`);
    await sleep(clock, POLL_MS, interrupted);
  }
}

async function answers(clock: CliWorld['clock'], url: string): Promise<boolean> {
  const late = new AbortController();
  const timer = clock.after(ANSWER_TIMEOUT_MS, () => late.abort());
  const healthy = await fetch(`${url}/health`, { signal: late.signal }).then(
    (response) => response.ok,
    () => false,
  );
  timer.cancel();
  return healthy;
}
