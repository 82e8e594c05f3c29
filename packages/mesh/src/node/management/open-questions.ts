import { MeshError } from '@modelmesh/core';
import { abortable } from '../placing/index.ts';
import type { ReachedLimits } from '../reached-limits.ts';

/** Questions to the data plane that may be open at a time, of each kind. */
export const QUESTIONS_MAX = 64;

/** Questions of one kind to the data plane, which answers later and by number. */
export class OpenQuestions<Answer> {
  readonly #limits: ReachedLimits;
  readonly #about: string;
  readonly #asked = new Map<number, (answer: Answer) => void>();
  #questions = 0;

  /** @param about what is asked, in words that fit behind `64 ask already` */
  constructor(limits: ReachedLimits, about: string) {
    this.#limits = limits;
    this.#about = about;
  }

  /** The data plane's answer; one that nobody waits for any more is dropped. */
  answered(request: number, answer: Answer): void {
    this.#asked.get(request)?.(answer);
  }

  /** Asks, and waits until `signal` fires. @throws {MeshError} `overloaded` while too many ask */
  async ask(send: (request: number) => void, signal: AbortSignal): Promise<Answer> {
    if (this.#asked.size >= QUESTIONS_MAX) {
      this.#limits.add('explain-questions');
      throw new MeshError('overloaded', `${QUESTIONS_MAX} ask already ${this.#about}; try again later`);
    }
    this.#questions += 1;
    const request = this.#questions;
    const { promise, resolve } = Promise.withResolvers<Answer>();
    this.#asked.set(request, resolve);
    send(request);
    try {
      return await abortable(promise, signal);
    } finally {
      this.#asked.delete(request);
    }
  }
}
