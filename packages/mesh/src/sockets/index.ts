/** The door of the room: what all listening sockets have in common. */
export { cannotListen, type Place } from './cannot-listen.ts';
