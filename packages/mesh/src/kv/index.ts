/** The door of the registry's store: the port with its limits. */
export * from './port.ts';
