/** The door of the room: names, versions, and what a name means. */
export { FAMILY_PATTERN, idProblem, isFamily, isVersion, utf8Length, VERSION_PATTERN, versionedKey } from './names.ts';
export {
  hiddenKeyWarning,
  type NameIndex,
  type NameRequest,
  type Resolution,
  resolveEndpointId,
  resolveModelId,
  resolveName,
} from './resolve.ts';
export { sha1Hex } from './sha1.ts';
export { isNumericVersion, newestFirst, type RankedVersion } from './version-order.ts';
