import type { MessagePort } from 'node:worker_threads';
import type { ControlEnd, DataPlaneEnd, ToControl, ToDataPlane } from './messages.ts';

/** One end of a link between threads. */
interface ThreadEnd<Sent, Received> {
  send(message: Sent): void;
  onMessage: (message: Received) => void;
}

/**
 * Messages between two threads: a port keeps their order, delivers none inside the sender's own call, and copies each. What comes before somebody
 * listens waits in the port.
 */
function endAt<Sent, Received>(port: MessagePort): ThreadEnd<Sent, Received> {
  let receive: (message: Received) => void = () => {};
  let isStarted = false;
  return {
    send: (message) => port.postMessage(message),
    get onMessage() {
      return receive;
    },
    set onMessage(next) {
      receive = next;
      if (isStarted) return;
      isStarted = true;
      // The other end is this program too and sends nothing else.
      port.on('message', (message: Received) => receive(message));
    },
  };
}

/** Control's end of the link to a worker in another thread. */
export const threadControlEnd = (port: MessagePort): ControlEnd => endAt<ToDataPlane, ToControl>(port);

/** The end of a worker that has a thread of its own. */
export const threadDataPlaneEnd = (port: MessagePort): DataPlaneEnd => endAt<ToControl, ToDataPlane>(port);
