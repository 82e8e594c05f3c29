/**
 * How a worker asks the thread of a strategy: memory that both share, and one word that says whose turn it is. The worker waits in place, as it does for
 * any strategy in the path of a request, but never longer than it wants to.
 */

/** The longest question, in bytes of JSON. What belongs to a request with more headers is left to the weights. */
export const QUESTION_BYTES_MAX = 65_536;
const CHARACTER_BYTES_MAX = 4;
/** How long an idle thread sleeps before it looks after timers and messages of the plug-in. */
const BREATH_MS = 20;

const TURN = 0;
const LENGTH = 1;
const ANSWER = 2;
const WORDS = 3;
const [IDLE, ASKED, ANSWERED] = [0, 1, 2];

/** What a strategy said. */
export type PickAnswer =
  | { readonly kind: 'picked'; readonly index: number }
  | { readonly kind: 'left' | 'threw' | 'late' | 'too-large' };

const [LEFT, THREW] = [-1, -2];

/** Makes the memory of a channel. */
export const allocateChannel = (): SharedArrayBuffer =>
  new SharedArrayBuffer(WORDS * 4 + QUESTION_BYTES_MAX + CHARACTER_BYTES_MAX);

/** The end of the one that asks. */
export class PickAsker {
  readonly #words: Int32Array;
  readonly #bytes: Buffer;

  constructor(memory: SharedArrayBuffer) {
    this.#words = new Int32Array(memory, 0, WORDS);
    this.#bytes = Buffer.from(memory, WORDS * 4);
  }

  /** Whether the last question is still being answered, though nobody waits any more. */
  get isBusy(): boolean {
    return Atomics.load(this.#words, TURN) === ASKED;
  }

  /** Asks, and waits for at most `waitMs`. Not while it is busy. */
  ask(question: string, waitMs: number): PickAnswer {
    const length = this.#bytes.write(question);
    // What does not fit is cut off before a character, so there is room for one more than may be asked.
    if (length > QUESTION_BYTES_MAX) return { kind: 'too-large' };
    Atomics.store(this.#words, LENGTH, length);
    Atomics.store(this.#words, TURN, ASKED);
    Atomics.notify(this.#words, TURN);
    Atomics.wait(this.#words, TURN, ASKED, waitMs);
    if (Atomics.compareExchange(this.#words, TURN, ANSWERED, IDLE) !== ANSWERED) return { kind: 'late' };
    const answer = Atomics.load(this.#words, ANSWER);
    if (answer >= 0) return { kind: 'picked', index: answer };
    return { kind: answer === LEFT ? 'left' : 'threw' };
  }

  /** An answer that came too late is of no use. */
  forgetLate(): void {
    Atomics.compareExchange(this.#words, TURN, ANSWERED, IDLE);
  }
}

/**
 * Answers questions for ever, in the thread of the strategy.
 *
 * @param answer the place of a variant; `null`: weights decide; what it throws counts as thrown
 * @param breathe lets timers and messages of the plug-in have their turn
 */
export async function answerQuestions(
  memory: SharedArrayBuffer,
  answer: (question: string) => number | null,
  breathe: () => Promise<void>,
): Promise<never> {
  const words = new Int32Array(memory, 0, WORDS);
  const bytes = Buffer.from(memory, WORDS * 4);
  let sinceBreath = 0;
  for (;;) {
    const turn = Atomics.load(words, TURN);
    if (turn !== ASKED) {
      const slept = Atomics.wait(words, TURN, turn, BREATH_MS);
      if (slept === 'timed-out') await breathe();
      continue;
    }
    let said: number;
    try {
      said = answer(bytes.toString('utf8', 0, Atomics.load(words, LENGTH))) ?? LEFT;
    } catch {
      said = THREW;
    }
    Atomics.store(words, ANSWER, said);
    Atomics.store(words, TURN, ANSWERED);
    Atomics.notify(words, TURN);
    sinceBreath += 1;
    if (sinceBreath % 256 === 0) await breathe();
  }
}
