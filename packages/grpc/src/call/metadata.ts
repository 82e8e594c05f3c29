import { Bug } from '@modelmesh/core';
import { encodeBinaryHeader, isVisibleAscii } from '@modelmesh/wire/headers';

const NAME = /^[0-9a-z_.-]+$/;

/** Adds one metadata field to a flat list; bytes for names that end in `-bin`, else visible ASCII. @throws {Bug} for anything else. */
export function addMetadata(fields: string[], name: string, value: string | Uint8Array): void {
  if (!NAME.test(name))
    throw new Bug(`metadata name ${JSON.stringify(name)} must be lower-case letters, digits, '-', '_' or '.'`);
  const isBinary = name.endsWith('-bin');
  if (typeof value !== 'string') {
    if (!isBinary) throw new Bug(`metadata ${name} holds bytes, so its name must end in -bin`);
    fields.push(name, encodeBinaryHeader(value));
    return;
  }
  if (isBinary || !isVisibleAscii(value)) throw new Bug(`metadata ${name} must be ${isBinary ? 'bytes' : 'visible ASCII'}`);
  fields.push(name, value);
}
