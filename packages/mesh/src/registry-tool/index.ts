/** The door of the room: what the program of this folder reports. Programs run `main.ts`; suites run the transfer itself. */
export { openPlace, type Place, type PlaceNames, readPlace, type StorePlace } from './place.ts';
export type { Overwrite } from './plan-writes.ts';
export type { Report } from './report.ts';
export type { TellProgress } from './tell-progress.ts';
export { type Transfer, type Transferred, transfer } from './transfer.ts';
