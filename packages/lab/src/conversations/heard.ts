import { createHash, type Hash } from 'node:crypto';

/** How a call ended, as one side heard it. */
export type HeardEnd = 'closed' | { readonly resetCode: number } | { readonly lost: string };

/** One half of a call, as the other side heard it. */
export interface HeardMessage {
  readonly fields: readonly string[];
  readonly bodyBytes: number;
  readonly digest: string;
  readonly trailers: readonly string[] | undefined;
  readonly ended: boolean;
}

/** What one side heard of a conversation, by the index of the call. */
export type Heard = ReadonlyMap<number, Page>;

/** Notes one half of a call. */
export class Note {
  fields: readonly string[] = [];
  trailers: readonly string[] | undefined = undefined;
  ended = false;
  end: HeardEnd | undefined = undefined;
  bodyBytes = 0;
  readonly #hash: Hash = createHash('sha1');

  data(bytes: Uint8Array): void {
    this.bodyBytes += bytes.byteLength;
    this.#hash.update(bytes);
  }

  /** What was heard; only once. */
  get message(): HeardMessage {
    const { fields, bodyBytes, trailers, ended } = this;
    return { fields, bodyBytes, digest: this.#hash.digest('hex'), trailers, ended };
  }
}

/** What was heard of whole calls in full; of calls that were reset their end alone, since how much of them came is a matter of time. */
export function comparable(heard: Heard): unknown {
  return [...heard]
    .sort(([a], [b]) => a - b)
    .map(([index, { message, end }]) => (end === 'closed' ? { index, ...message } : { index, end }));
}

/** What one side noted of a call. */
export interface Page {
  readonly message: HeardMessage;
  readonly end: HeardEnd;
}

/** The notes of one side; whole once so many calls are over. */
export class Notebook {
  readonly #pages = new Map<number, Page>();
  readonly #count: number;
  readonly #all = Promise.withResolvers<Heard>();

  constructor(count: number) {
    this.#count = count;
    if (count === 0) this.#all.resolve(this.#pages);
  }

  get all(): Promise<Heard> {
    return this.#all.promise;
  }

  /** Call `index` is over. @throws if it was over already */
  over(index: number, note: Note, end: HeardEnd): void {
    if (this.#pages.has(index)) throw new Error(`call ${index} has ended twice`);
    this.#pages.set(index, { message: note.message, end });
    if (this.#pages.size === this.#count) this.#all.resolve(this.#pages);
  }
}
