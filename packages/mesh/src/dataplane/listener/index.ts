/** The door of the room: one port for gRPC and REST, with TLS or without. */

export { ConnectionLoads, PLACING_MS, PLACINGS_MAX } from './connection-loads.ts';
export {
  LISTENER_TIMEOUTS,
  type ListenerHandlers,
  type ListenerTimeouts,
  type ListenOptions,
  listen,
  type RunningListener,
} from './listener.ts';
