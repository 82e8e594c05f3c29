/** The door of the room: what the registry says, what this node writes to it, and whether it is there. */
export { type ClaimBook, RegistryClaims } from './claim-book.ts';
export { FollowedParameters, PARAMETERS_MAX, type ParameterOverrides, refuseIfDisabled } from './followed-parameters.ts';
export { refuseBesideJava } from './java-instances.ts';
export { Leadership } from './leader.ts';
export { RegistryMirror } from './registry-mirror.ts';
export { NO_FIRST_LOAD, RegistryPulse } from './registry-pulse.ts';
export { LEASE_TTL_MS, Session } from './session.ts';
export { refuseBesideTwin } from './twin.ts';
