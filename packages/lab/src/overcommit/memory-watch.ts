import { quantile } from '../figures/index.ts';
import { type NodeProcess, scrape } from '../node-process/index.ts';
import { privateBytes } from '../process-usage/index.ts';

/** What the ledger and the kernel said within a few milliseconds. */
export interface MemorySample {
  /** When it was taken, from any start. */
  readonly atMs: number;
  readonly bookedBytes: number;
  /** Private bytes of the runtime's process beyond those of the empty one. */
  readonly heldBytes: number;
}

/** What a run of samples says. */
export interface MemoryFigures {
  readonly samples: number;
  readonly bookedBytesMax: number;
  /** The longest time in milliseconds from the first sample that had more booked than the capacity to the last one in a row. */
  readonly excessMsMax: number;
  readonly heldBytesMax: number;
  /** The middle of what was booked in the second half of the run, as a share of the capacity: how well the room was used. */
  readonly bookedShareMedian: number;
  /** Shares of |held − booked| in what is booked. */
  readonly differenceMedian: number;
  readonly differenceP95: number;
}

/**
 * Samples count once the ledger holds this share of the capacity: while the cache fills for the first time, most of it is loads that go on, and a
 * share of next to nothing says nothing.
 */
const FILLED_SHARE = 0.75;

/** Everything that may be resident by the node's ledger: loaded, loading, and leaving until the unload completed. */
export async function bookedBytes(node: NodeProcess): Promise<number> {
  const booked = (await scrape(node)).get('mesh_instance_booked_bytes');
  if (booked === undefined) throw new Error('the node does not tell what is booked');
  return booked;
}

/** Looks at the ledger and at the runtime's process again and again until it is stopped. */
export class MemoryWatch {
  readonly samples: MemorySample[] = [];
  readonly #node: NodeProcess;
  readonly #emptyBytes: number;
  readonly #capacityBytes: number;
  readonly #periodMs: number;
  #isStopped = false;
  #running: Promise<void> = Promise.resolve();

  /** `emptyBytes`: private bytes of the runtime before its first model. */
  constructor(node: NodeProcess, emptyBytes: number, capacityBytes: number, periodMs: number) {
    this.#node = node;
    this.#emptyBytes = emptyBytes;
    this.#capacityBytes = capacityBytes;
    this.#periodMs = periodMs;
  }

  start(): void {
    this.#running = this.#run();
  }

  /** Ends after the sample that is being taken. @throws what a sample threw. */
  async stop(): Promise<MemoryFigures> {
    this.#isStopped = true;
    await this.#running;
    return memoryFigures(this.samples, this.#capacityBytes);
  }

  async #run(): Promise<void> {
    while (!this.#isStopped) {
      // The ledger answers some milliseconds later: the process is looked at on both sides of its answer.
      const before = privateBytes(this.#node.runtimePid);
      const booked = await bookedBytes(this.#node);
      const after = privateBytes(this.#node.runtimePid);
      this.samples.push({ atMs: performance.now(), bookedBytes: booked, heldBytes: (before + after) / 2 - this.#emptyBytes });
      await new Promise((resolve) => setTimeout(resolve, this.#periodMs));
    }
  }
}

/** Sums up samples. @throws {RangeError} if the cache was never filled. */
export function memoryFigures(samples: readonly MemorySample[], capacityBytes: number): MemoryFigures {
  const filled = samples.filter(({ bookedBytes }) => bookedBytes >= FILLED_SHARE * capacityBytes);
  const differences = filled.map(({ bookedBytes, heldBytes }) => Math.abs(heldBytes - bookedBytes) / bookedBytes);
  return {
    samples: filled.length,
    bookedBytesMax: Math.max(0, ...samples.map(({ bookedBytes }) => bookedBytes)),
    excessMsMax: excessMsMax(samples, capacityBytes),
    heldBytesMax: Math.max(0, ...samples.map(({ heldBytes }) => heldBytes)),
    bookedShareMedian:
      quantile(
        samples.slice(samples.length >> 1).map(({ bookedBytes }) => bookedBytes),
        0.5,
      ) / capacityBytes,
    differenceMedian: quantile(differences, 0.5),
    differenceP95: quantile(differences, 0.95),
  };
}

function excessMsMax(samples: readonly MemorySample[], capacityBytes: number): number {
  let longest = 0;
  let since: number | undefined;
  for (const { atMs, bookedBytes } of samples) {
    since = bookedBytes > capacityBytes ? (since ?? atMs) : undefined;
    if (since !== undefined) longest = Math.max(longest, atMs - since);
  }
  return longest;
}
