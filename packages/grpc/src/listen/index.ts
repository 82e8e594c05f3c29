/** The door of the room: a plain HTTP/2 listener, and what an accepted socket tells of its peer. */
export { connectionInfoOf } from './connection-info.ts';
export { Listener, type ListenOptions, type ListenTarget, UNIX_PATH_BYTES_MAX } from './listener.ts';
