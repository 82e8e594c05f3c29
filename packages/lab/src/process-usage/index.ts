/** The door of the room: what processes of this machine use and which of them belong together. Linux alone. */
export { childrenOf, familyOf, isAlive } from './process-tree.ts';
export {
  canMeasure,
  cpuMs,
  type ProcessUsage,
  peakResidentBytes,
  privateBytes,
  processUsage,
  threadsCpuMs,
} from './process-usage.ts';
