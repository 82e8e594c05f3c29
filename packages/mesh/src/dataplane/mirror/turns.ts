/** Runs tasks in their order, one a turn of the event loop, so that whatever arrived meanwhile is served in between. */
export class Turns {
  readonly #tasks: (() => void)[] = [];
  #scheduled = false;

  /** Whoever adds tasks bounds them. */
  add(task: () => void): void {
    this.#tasks.push(task);
    this.#schedule();
  }

  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    setImmediate(() => {
      this.#scheduled = false;
      const task = this.#tasks.shift();
      if (this.#tasks.length > 0) this.#schedule();
      task?.();
    });
  }
}
