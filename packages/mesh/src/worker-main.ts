/** A worker of the data plane: what each of its threads runs. Started by control with what it needs; it reads no environment. */
import { type MessagePort, parentPort, workerData } from 'node:worker_threads';
import { assert } from '@modelmesh/core';
import { WorkerNode } from './worker/index.ts';
import type { ToWorker, WorkerSetup } from './workers/index.ts';

assert(parentPort !== null, 'a worker runs in a thread of a node');
const control: MessagePort = parentPort;
const setup: WorkerSetup = workerData;
const node = new WorkerNode(setup, (message) => control.postMessage(message));
// What nobody catches ends the thread, and control starts another.
control.on('message', (message: ToWorker) => void node.onMessage(message));
