/** The door of the room: runtimes behind one port. */
export type { LoadedModel, Runtime, RuntimeModel, RuntimeReady, RuntimeState, RuntimeUsage } from './port.ts';
