import type { StreamHandler } from './port.ts';

/** Hears nothing: of a stream whose handler is not known yet, or has heard its last word. */
export const SILENT: StreamHandler = {
  onHeaders: () => undefined,
  onData: () => undefined,
  onTrailers: () => undefined,
  onReset: () => undefined,
  onWritable: () => undefined,
  onClosed: () => undefined,
};
