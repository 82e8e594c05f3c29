/** The door of the room: what the spec of an `Endpoint` says of its policy, and the spec that says a policy. */

export { endpointSpecOf } from './policy-spec.ts';
export { readPolicy } from './read-policy.ts';
export { PAYLOAD_FIELDS_MAX, RULES_MAX } from './rules.ts';
export { SALT_CHARS_MAX } from './sticky.ts';
export { MIRRORS_MAX, VERSIONS_KEPT_MAX } from './traffic.ts';
export { VARIANT_LABELS_MAX, VARIANTS_MAX } from './variants.ts';
