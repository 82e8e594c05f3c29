import { toMeshError } from '@modelmesh/core';
import type { KvBatch, KvEvent, KvWatchSink } from './port.ts';

const keyOf = (event: KvEvent): string => (event.kind === 'put' ? event.entry.key : event.key);

/** The part of a batch that a watch of `prefix` is told; `undefined` where nothing concerns it. */
export function batchUnder(prefix: string, batch: KvBatch): KvBatch | undefined {
  if (batch.events.every((event) => keyOf(event).startsWith(prefix))) return batch;
  const events = batch.events.filter((event) => keyOf(event).startsWith(prefix));
  return events.length === 0 ? undefined : { revision: batch.revision, events };
}

/** Hands a batch to a sink. One that throws has lost its place and loses its watch, the others go on. @returns whether it may go on */
export function tellBatch(sink: KvWatchSink, batch: KvBatch): boolean {
  try {
    sink.batch(batch);
    return true;
  } catch (thrown) {
    sink.ended({ kind: 'lost', error: toMeshError(thrown) });
    return false;
  }
}
