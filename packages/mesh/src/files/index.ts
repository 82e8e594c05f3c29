/** The door of the room: files that are watched while the node runs. */
export { SETTLE_MAX_MS, SETTLE_MS, watchFiles } from './watch-files.ts';
