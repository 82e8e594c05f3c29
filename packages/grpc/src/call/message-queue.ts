/** Waits for the next message. */
interface Waiter<Message> {
  readonly resolve: (result: IteratorResult<Message, undefined>) => void;
  readonly reject: (error: unknown) => void;
}

const DONE: IteratorReturnResult<undefined> = { done: true, value: undefined };

/**
 * Messages of a stream as an async iterable for one reader. It holds what flow control lets in: `onTaken` tells the owner when it is
 * empty, so that credit is returned only as the reader keeps up.
 */
export class MessageQueue<Message> implements AsyncIterableIterator<Message, undefined> {
  readonly #messages: Message[] = [];
  readonly #onTaken: () => void;
  readonly #onReturn: () => void;
  #waiter: Waiter<Message> | undefined = undefined;
  #ended = false;
  #error: { readonly thrown: unknown } | undefined = undefined;

  /** @param onTaken the queue became empty @param onReturn the reader wants no more */
  constructor(onTaken: () => void, onReturn: () => void) {
    this.#onTaken = onTaken;
    this.#onReturn = onReturn;
  }

  get isEmpty(): boolean {
    return this.#messages.length === 0;
  }

  push(message: Message): void {
    if (this.#ended || this.#error !== undefined) return;
    const waiter = this.#waiter;
    if (waiter === undefined) {
      this.#messages.push(message);
      return;
    }
    this.#waiter = undefined;
    waiter.resolve({ done: false, value: message });
  }

  end(): void {
    if (this.#ended || this.#error !== undefined) return;
    this.#ended = true;
    this.#waiter?.resolve(DONE);
    this.#waiter = undefined;
  }

  /** The reader gets the messages that came before, then the error. */
  fail(thrown: unknown): void {
    if (this.#ended || this.#error !== undefined) return;
    this.#error = { thrown };
    this.#waiter?.reject(thrown);
    this.#waiter = undefined;
  }

  next(): Promise<IteratorResult<Message, undefined>> {
    const message = this.#messages.shift();
    if (message !== undefined) {
      if (this.#messages.length === 0) this.#onTaken();
      return Promise.resolve({ done: false, value: message });
    }
    if (this.#error !== undefined) return Promise.reject(this.#error.thrown);
    if (this.#ended) return Promise.resolve(DONE);
    return new Promise((resolve, reject) => {
      this.#waiter = { resolve, reject };
    });
  }

  return(): Promise<IteratorResult<Message, undefined>> {
    this.#messages.length = 0;
    this.end();
    this.#onReturn();
    return Promise.resolve(DONE);
  }

  [Symbol.asyncIterator](): this {
    return this;
  }
}
