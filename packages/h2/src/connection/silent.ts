import type { StreamEvents } from './stream.ts';

const nothing = (): void => undefined;

/** Hears nothing: of a stream that has nobody yet, or whose handler has heard its last word. */
export const SILENT: StreamEvents = {
  onHeaders: nothing,
  onData: nothing,
  onTrailers: nothing,
  onReset: nothing,
  onWritable: nothing,
  onClosed: nothing,
};
