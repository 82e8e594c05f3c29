/** The door of the room: where names lead. */
export { type Applied, RouteTable } from './route-table.ts';
