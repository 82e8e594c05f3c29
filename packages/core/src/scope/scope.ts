/** A task that failed, with the name it was spawned under. */
export interface ScopeFailure {
  readonly task: string;
  readonly error: unknown;
}

/**
 * Owns promises: no task outlives its scope, cancelling flows down and waiting flows up.
 *
 * A task that fails cancels nothing by itself: `onFailure` decides, because a node survives the death of one loop and must say so.
 */
export class Scope {
  readonly name: string;
  readonly #controller = new AbortController();
  readonly #tasks = new Set<Promise<void>>();
  readonly #children = new Set<Scope>();
  readonly #onFailure: (failure: ScopeFailure) => void;
  readonly #parent: Scope | undefined;

  constructor(name: string, onFailure: (failure: ScopeFailure) => void, parent?: Scope) {
    this.name = name;
    this.#onFailure = onFailure;
    this.#parent = parent;
  }

  /** Aborts when the scope is closed; given to everything that waits inside it. */
  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** A scope that ends with this one at the latest. */
  child(name: string): Scope {
    const child = new Scope(`${this.name}/${name}`, this.#onFailure, this);
    this.#children.add(child);
    if (this.signal.aborted) child.#controller.abort(this.signal.reason);
    return child;
  }

  /** Runs `task` until it settles. An error after the scope was closed is the echo of the cancellation and is dropped. */
  spawn(task: string, run: (signal: AbortSignal) => Promise<void>): void {
    const done = Promise.resolve()
      .then(() => run(this.signal))
      .catch((error: unknown) => {
        if (!this.signal.aborted) this.#onFailure({ task: `${this.name}/${task}`, error });
      })
      .finally(() => this.#tasks.delete(done));
    this.#tasks.add(done);
  }

  /** Cancels every task and child, then waits for all of them. Calling twice waits twice. */
  async close(reason: unknown = new DOMException(`${this.name} was closed`, 'AbortError')): Promise<void> {
    if (!this.signal.aborted) this.#controller.abort(reason);
    await Promise.all([...this.#children].map((child) => child.close(reason)));
    while (this.#tasks.size > 0) await Promise.all(this.#tasks);
    if (this.#parent !== undefined) this.#parent.#children.delete(this);
  }
}
