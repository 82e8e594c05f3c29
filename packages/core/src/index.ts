/** The door of the domain's foundation: ids, quantities, errors, time and chance. The rooms have doors of their own. */
export { assert, assertNever, Bug } from './assert.ts';
export { INTERNAL_ERROR_TEXT, MeshError, type MeshErrorKind, type MeshErrorOptions, toMeshError } from './errors.ts';
export type { Random } from './random.ts';
export { SeededRandom } from './seeded-random.ts';
export { type Clock, sleep, type Timer } from './time.ts';
export {
  type Brand,
  type Bytes,
  bytes,
  bytesForUnits,
  DEFAULT_NAMESPACE,
  type DurationMs,
  durationMs,
  type EndpointId,
  type EpochMs,
  endpointId,
  epochMs,
  ID_BYTES_MAX,
  type InstanceId,
  instanceId,
  type ModelKey,
  type MonotonicMs,
  modelKey,
  monotonicMs,
  type Namespace,
  namespace,
  type Revision,
  revision,
  type SizeUnits,
  sizeUnits,
  UNIT_BYTES,
  unitsForBytes,
} from './units.ts';
