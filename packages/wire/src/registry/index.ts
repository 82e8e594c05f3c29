/** The door of the room: how records look in the registry, and under which keys they stand. */
export { decodeRecord, encodeRecord } from './codec.ts';
export {
  configPrefix,
  DEFAULT_KVSTORE_PREFIX,
  instancesPrefix,
  joinKey,
  leaderKey,
  leadersPrefix,
  parseRecordKey,
  type RegistryLayout,
  recordKeyText,
  registryLayout,
  registryPrefixes,
  schemaKey,
  splitKey,
} from './layout.ts';
