/** The door of the room: the loops that keep the mesh as it should be. */
export { Filling } from './filling.ts';
export { Janitor } from './janitor.ts';
export { moveCopies } from './leaving.ts';
export { Minimums } from './minimums.ts';
export { GONE_REMEMBERED_MAX, Reaper } from './reaper.ts';
export { Scaling } from './scaling.ts';
