/** The door of the room: files that are watched while the node runs, and folders that are made. */
export { makeFolder } from './make-folder.ts';
export { SETTLE_MAX_MS, SETTLE_MS, watchFiles } from './watch-files.ts';
