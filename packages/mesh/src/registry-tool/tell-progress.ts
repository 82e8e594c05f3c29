/** Tells how far something is. `total` is `null` while it is not known. */
export type TellProgress = (what: string, done: number, total: number | null) => void;
