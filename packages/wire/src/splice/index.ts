/** The door of the room: finds and replaces strings in protobuf messages that nobody decodes. */
export { type Extracted, extractString, StringExtractor } from './extract.ts';
export { FIELD_PATH_DEPTH_MAX, type FieldPath, fieldPath } from './field-path.ts';
export { type Injection, inject, removeFields } from './inject.ts';
export { fieldNumber, fixedLength, LENGTH_MAX, VARINT_BYTES_MAX, WIRE_TYPE } from './wire-format.ts';
