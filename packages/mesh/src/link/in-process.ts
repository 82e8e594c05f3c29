import type { ControlEnd, DataPlaneEnd, ToControl, ToDataPlane } from './messages.ts';

/** Both ends of a link within one thread. */
export interface InProcessLink {
  readonly control: ControlEnd;
  readonly dataPlane: DataPlaneEnd;
}

/** One direction: messages in order, never inside the sender's own call, so that neither side is re-entered. */
class Lane<Message> {
  receive: (message: Message) => void = () => {};
  readonly #queue: Message[] = [];
  readonly #carry: (message: Message) => Message;
  #scheduled = false;

  constructor(carry: (message: Message) => Message) {
    this.#carry = carry;
  }

  send(message: Message): void {
    this.#queue.push(this.#carry(message));
    if (this.#scheduled) return;
    this.#scheduled = true;
    queueMicrotask(() => this.#deliver());
  }

  #deliver(): void {
    this.#scheduled = false;
    const batch = this.#queue.splice(0);
    for (const message of batch) this.receive(message);
  }
}

/**
 * Joins control and data plane on one thread.
 *
 * @param options.clone carries every message through `structuredClone`, which proves in tests that it could cross threads
 */
export function createInProcessLink(options: { readonly clone?: boolean } = {}): InProcessLink {
  const carry =
    options.clone === true
      ? <Message>(message: Message): Message => structuredClone(message)
      : <Message>(message: Message) => message;
  const up = new Lane<ToControl>(carry);
  const down = new Lane<ToDataPlane>(carry);
  return {
    control: {
      send: (message) => down.send(message),
      set onMessage(receive) {
        up.receive = receive;
      },
      get onMessage() {
        return up.receive;
      },
    },
    dataPlane: {
      send: (message) => up.send(message),
      set onMessage(receive) {
        down.receive = receive;
      },
      get onMessage() {
        return down.receive;
      },
    },
  };
}
