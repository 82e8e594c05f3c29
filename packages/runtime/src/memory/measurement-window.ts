/** What one load or unload of a model, or start of a worker, tells when it is over. */
export interface WindowShare {
  /** Undefined for a worker. */
  readonly modelId: string | undefined;
  /** What it was expected to add; negative for an unload, 0 for a load that failed. */
  readonly expectedBytes: number;
  /** Private bytes of the process just before it and just after it, where they were read. */
  readonly beforeBytes: number | undefined;
  readonly afterBytes: number | undefined;
}

/** The memory of a model as far as its window could tell. */
export interface WindowResult {
  readonly modelId: string;
  readonly measuredBytes: number;
}

/** Loads, unloads, starts and ends that one window may hold; beyond, its models keep what was predicted and a new window begins. */
export const WINDOW_SHARES_MAX = 64;

/** Models below this size may fit into memory that the process had already. */
const HOLES_BYTES = 1024 * 1024;

/** Names one of them between its begin and its end. */
export interface WindowTicket {
  readonly number: number;
}

/**
 * Attributes memory to models whose loads overlap. The private bytes of a process can be compared only between quiet points, when nothing
 * loads or unloads and no worker starts or ends: just before the first and just after the last of those that overlap. The difference from what was
 * expected in between is divided in proportion to what each load expected.
 */
export class MeasurementWindow {
  #next = 0;
  #first = 0;
  #active = 0;
  #startBytes: number | undefined;
  #shares: WindowShare[] = [];

  /** Loads, unloads, starts and ends that are going on. */
  get active(): number {
    return this.#active;
  }

  /** One of them begins. */
  begin(): WindowTicket {
    const ticket = { number: this.#next++ };
    if (this.#active++ === 0) {
      this.#first = ticket.number;
      this.#startBytes = undefined;
      this.#shares = [];
    }
    return ticket;
  }

  /** It is over; `share` is missing when the process could not be read. @returns measurements when it was the last one, else nothing. */
  end(ticket: WindowTicket, share: WindowShare | undefined): readonly WindowResult[] {
    this.#active--;
    if (ticket.number === this.#first) this.#startBytes = share?.beforeBytes;
    if (share !== undefined) this.#shares.push(share);
    if (this.#active === 0 && share?.afterBytes !== undefined && this.#startBytes !== undefined) {
      return divide(this.#shares, share.afterBytes - this.#startBytes);
    }
    if (this.#shares.length >= WINDOW_SHARES_MAX) this.#abandon();
    return [];
  }

  /** What overlaps without end cannot be told apart: forget it; the next quiet point begins a new window. */
  #abandon(): void {
    this.#shares = [];
    this.#startBytes = undefined;
    this.#first = -1;
  }
}

function divide(shares: readonly WindowShare[], grownBytes: number): readonly WindowResult[] {
  const loads = shares.filter(isLoad);
  const expected = shares.reduce((sum, share) => sum + share.expectedBytes, 0);
  const loaded = loads.reduce((sum, share) => sum + share.expectedBytes, 0);
  return loads.map(({ modelId, expectedBytes }) => {
    const measured = expectedBytes + ((grownBytes - expected) * expectedBytes) / loaded;
    return { modelId, measuredBytes: Math.round(Math.max(measured, leastBytes(expectedBytes))) };
  });
}

type LoadShare = WindowShare & { readonly modelId: string };

function isLoad(share: WindowShare): share is LoadShare {
  return share.modelId !== undefined && share.expectedBytes > 0;
}

/**
 * Small allocations fill holes that others left, so a small model may grow the process by nothing; a large one cannot. What is below is noise of
 * the rest of the process, not the model.
 */
function leastBytes(expectedBytes: number): number {
  return expectedBytes < HOLES_BYTES ? expectedBytes : Math.max(expectedBytes / 2, HOLES_BYTES);
}
