import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { createHeapTrim } from './heap-trim.ts';

/** As V8's `gc` extension takes it: of the kinds of collection only this one also empties V8's pool of free pages. */
const EVERYTHING = { type: 'major', execution: 'sync', flavor: 'last-resort' } as const;

/**
 * A function that collects all garbage of the calling thread and gives free pages of its heap and of the C library's back to the system. It blocks the thread: 50 to 80 ms for a
 * main thread after a minute of load, 15 to 40 ms for a worker.
 */
export function createGarbageCollector(): () => void {
  // The flag is of the whole process, the function of a context made after it.
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as (options: typeof EVERYTHING) => void;
  const trim = createHeapTrim();
  return () => {
    collect(EVERYTHING);
    trim();
  };
}
