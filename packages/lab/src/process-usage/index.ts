/** The door of the room: what processes of this machine use and which of them belong together. Linux alone. */
export { privateBytesOf as privateBytes } from '@modelmesh/runtime/memory';
export { childrenOf, familyOf, isAlive } from './process-tree.ts';
export {
  canMeasure,
  cpuMs,
  type ProcessUsage,
  peakResidentBytes,
  processUsage,
  threadsCpuMs,
} from './process-usage.ts';
