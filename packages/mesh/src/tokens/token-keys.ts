/** Keys of tokens as text: what stands in files and secrets. */
import { MeshError } from '@modelmesh/core';
import { KEY_BYTES_MAX, KEY_BYTES_MIN, KEY_ID_CHARS_MAX, TOKEN_KEYS_MAX, type TokenKey, type TokenKeys } from './port.ts';

const KEY_ID = new RegExp(`^[A-Za-z0-9_-]{1,${KEY_ID_CHARS_MAX}}$`);
const BASE64 = /^[A-Za-z0-9+/]*={0,2}$/;

/**
 * Reads keys that stand in lines `id:base64`. The first one signs; blank lines and lines that begin with `#` say nothing.
 *
 * @param source names the text in errors, which never show what stands in it
 * @throws {MeshError} `invalid-argument` with the line and what has to stand there
 */
export function parseTokenKeys(text: string, source: string): TokenKeys {
  const keys: TokenKey[] = [];
  for (const [index, raw] of text.split('\n').entries()) {
    const line = raw.trim();
    if (line === '' || line.startsWith('#')) continue;
    const place = `${source}, line ${index + 1}`;
    const colon = line.indexOf(':');
    if (colon < 0) throw wrong(place, 'expected id:base64');
    keys.push(tokenKey(line.slice(0, colon).trim(), line.slice(colon + 1), place));
  }
  return checkedKeys(keys, source);
}

/**
 * One key.
 *
 * @param base64 of the secret, with or without blanks around it
 * @throws {MeshError} `invalid-argument`
 */
export function tokenKey(id: string, base64: string, place: string): TokenKey {
  if (!KEY_ID.test(id)) throw wrong(place, `the id of a key is 1 to ${KEY_ID_CHARS_MAX} letters, digits, - and _`);
  const text = base64.trim();
  if (!BASE64.test(text)) throw wrong(place, `the secret of key ${id} is not base64`);
  const secret = new Uint8Array(Buffer.from(text, 'base64'));
  if (secret.length < KEY_BYTES_MIN || secret.length > KEY_BYTES_MAX)
    throw wrong(place, `the secret of key ${id} has ${secret.length} bytes: expected ${KEY_BYTES_MIN} to ${KEY_BYTES_MAX}`);
  return { id, secret };
}

/** Keys that can be in force together. @throws {MeshError} `invalid-argument` */
export function checkedKeys(keys: TokenKeys, source: string): TokenKeys {
  if (keys.length === 0) throw wrong(source, 'there is no key');
  if (keys.length > TOKEN_KEYS_MAX)
    throw wrong(source, `there are ${keys.length} keys: at most ${TOKEN_KEYS_MAX} are valid at once`);
  if (new Set(keys.map(({ id }) => id)).size < keys.length) throw wrong(source, 'two keys have the same id');
  return keys;
}

const wrong = (place: string, what: string): MeshError => new MeshError('invalid-argument', `keys of tokens, ${place}: ${what}`);
