/** What memory models really take, and what must be set for it to come back. */
export { checkRuntimeEnvironment, runtimeEnvironment } from './allocator.ts';
export { createGarbageCollector } from './garbage.ts';
export {
  MeasurementWindow,
  WINDOW_SHARES_MAX,
  type WindowResult,
  type WindowShare,
  type WindowTicket,
} from './measurement-window.ts';
export { createMemoryProbe, type MemoryProbe } from './memory-probe.ts';
export { countedBytes, mappedWeightBytes, privateBytesOf, writtenBytes } from './private-bytes.ts';
export { QuietRest, REST_GROWN_BYTES, REST_QUIET_MS, type RestPort } from './quiet-rest.ts';
