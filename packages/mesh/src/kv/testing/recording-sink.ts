import type { KvBatch, KvEvent, KvWatchEnd, KvWatchSink } from '../port.ts';

/** A sink that keeps what it is told, and can be awaited instead of slept for. */
export class RecordingSink implements KvWatchSink {
  readonly batches: KvBatch[] = [];
  end: KvWatchEnd | undefined;
  readonly ending: Promise<KvWatchEnd>;
  #resolveEnding: (end: KvWatchEnd) => void = () => undefined;
  #waiting: { readonly met: (sink: RecordingSink) => boolean; readonly resolve: () => void }[] = [];

  constructor() {
    this.ending = new Promise((resolve) => {
      this.#resolveEnding = resolve;
    });
  }

  batch(batch: KvBatch): void {
    this.batches.push(batch);
    this.#wake();
  }

  ended(end: KvWatchEnd): void {
    this.end = end;
    this.#resolveEnding(end);
    this.#wake();
  }

  get events(): KvEvent[] {
    return this.batches.flatMap(({ events }) => events);
  }

  get revisions(): number[] {
    return this.batches.map(({ revision }) => revision);
  }

  /** Resolves as soon as the condition holds. */
  async until(met: (sink: RecordingSink) => boolean): Promise<void> {
    if (met(this)) return;
    await new Promise<void>((resolve) => this.#waiting.push({ met, resolve }));
  }

  /** Resolves when a batch at this revision or later was told. */
  untilRevision(at: number): Promise<void> {
    return this.until(({ batches }) => (batches.at(-1)?.revision ?? -1) >= at);
  }

  #wake(): void {
    const [woken, waiting] = [this.#waiting.filter(({ met }) => met(this)), this.#waiting.filter(({ met }) => !met(this))];
    this.#waiting = waiting;
    for (const { resolve } of woken) resolve();
  }
}
