/** Entry of a worker thread: loads ONNX Runtime and hosts sessions until it is told to end. */
import { parentPort } from 'node:worker_threads';
import { assert } from '@modelmesh/core';
import { systemClock } from '../../../clock/index.ts';
import { createGarbageCollector, createMemoryProbe } from '../../../memory/index.ts';
import { loadOrt } from './ort.ts';
import type { FromWorker, ToWorker } from './protocol.ts';
import { SessionHost } from './session-host.ts';
import { warmUp } from './warm-up.ts';

const port = parentPort;
assert(port !== null, 'worker-main must be started as a worker thread');
const ort = loadOrt();
await warmUp(ort);
const probe = createMemoryProbe();
const host = new SessionHost(ort, probe, {
  send: (message, transfer) => port.postMessage(message, [...transfer]),
  nowMs: () => systemClock.monotonicMs(),
  collectGarbage: createGarbageCollector(),
  close: () => port.close(),
});
port.on('message', (message: ToWorker) => host.receive(message));
port.postMessage({ kind: 'ready', privateBytes: probe.read() } satisfies FromWorker);
