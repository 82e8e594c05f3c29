import type { H2Stream } from './stream.ts';

/** What a stream id means on a connection (RFC 9113 §5.1, §5.1.1). */
export type StreamIdMeaning =
  | 'idle'
  | 'live'
  /** We have reset it: what still comes was on its way and is ignored. */
  | 'reset'
  /** It is over, and the other side knows. */
  | 'closed';

/** The streams of a connection, and what is remembered of those that are over. */
export class Streams {
  readonly #live = new Map<number, H2Stream>();
  readonly #reset = new Set<number>();
  readonly #rememberedMax: number;
  readonly #firstOwnId: number;
  /** The highest id that the other side has opened; 0: none. */
  lastPeerId = 0;
  /** The highest id that we have opened; 0: none. */
  lastOwnId = 0;

  constructor(side: 'client' | 'server', rememberedResetsMax: number) {
    this.#firstOwnId = side === 'client' ? 1 : 2;
    this.#rememberedMax = rememberedResetsMax;
  }

  get count(): number {
    return this.#live.size;
  }

  get(id: number): H2Stream | undefined {
    return this.#live.get(id);
  }

  all(): readonly H2Stream[] {
    return [...this.#live.values()];
  }

  /** The id of the next stream of ours. */
  get nextOwnId(): number {
    return this.lastOwnId === 0 ? this.#firstOwnId : this.lastOwnId + 2;
  }

  /** Whether `id` is one that the other side may use for streams of its own. */
  isPeerId(id: number): boolean {
    return id % 2 !== this.#firstOwnId % 2;
  }

  add(stream: H2Stream): void {
    this.#live.set(stream.id, stream);
    if (this.isPeerId(stream.id)) this.lastPeerId = stream.id;
    else this.lastOwnId = stream.id;
  }

  remove(stream: H2Stream): void {
    this.#live.delete(stream.id);
  }

  /** Frames of `id` that come from now on are late and mean nothing. The oldest is forgotten for it. */
  rememberReset(id: number): void {
    this.#reset.add(id);
    if (this.#reset.size <= this.#rememberedMax) return;
    const [oldest] = this.#reset;
    if (oldest !== undefined) this.#reset.delete(oldest);
  }

  meaningOf(id: number): StreamIdMeaning {
    if (this.#live.has(id)) return 'live';
    if (id > (this.isPeerId(id) ? this.lastPeerId : this.lastOwnId)) return 'idle';
    return this.#reset.has(id) ? 'reset' : 'closed';
  }
}
