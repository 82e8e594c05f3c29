/** Keys of tokens in files: one file, or a folder as Kubernetes mounts a secret. */
import { chmodSync, existsSync, readdirSync, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { MeshError, type Random } from '@modelmesh/core';
import type { TokenKeys } from './port.ts';
import { KEY_BYTES_MIN } from './port.ts';
import { checkedKeys, parseTokenKeys, tokenKey } from './token-keys.ts';

/** In a folder of keys: the file that names the one that signs. Without it, that is the first by name. */
const SIGNING_FILE = 'signing';
/** A file of keys that is longer is something else. */
const FILE_BYTES_MAX = 65_536;
const KEY_FILE_MODE = 0o600;

/**
 * The keys at `path`. A file has a line `id:base64` for each, the one that signs first. In a folder each file is a key: its name is the id, its
 * content the secret in base64; a file `signing` may name the one that signs.
 *
 * @throws {MeshError} `invalid-argument` that names the file, never its content
 */
export function readTokenKeys(path: string): TokenKeys {
  return stat(path).isDirectory() ? readFolder(path) : parseTokenKeys(read(path), path);
}

function readFolder(path: string): TokenKeys {
  // A mounted secret has hidden files and folders beside its own.
  const names = readdirSync(path).filter((name) => !name.startsWith('.') && !stat(join(path, name)).isDirectory());
  const keys = names
    .filter((name) => name !== SIGNING_FILE)
    .sort()
    .map((name) => tokenKey(name, read(join(path, name)), join(path, name)));
  if (!names.includes(SIGNING_FILE)) return checkedKeys(keys, path);
  const signing = read(join(path, SIGNING_FILE)).trim();
  const first = keys.find(({ id }) => id === signing);
  if (first === undefined) throw new MeshError('invalid-argument', `keys of tokens, ${join(path, SIGNING_FILE)}: names no key`);
  return checkedKeys([first, ...keys.filter((key) => key !== first)], path);
}

/**
 * The keys at `path`, made anew where there is nothing: a file that only its owner may read.
 *
 * @throws {MeshError} `invalid-argument` as {@link readTokenKeys}; `failed-precondition` when the file cannot be made
 */
export function readOrMakeTokenKeys(path: string, random: Random): TokenKeys {
  if (!existsSync(path)) makeFile(path, random);
  return readTokenKeys(path);
}

function makeFile(path: string, random: Random): void {
  const secret = Uint8Array.from({ length: KEY_BYTES_MIN }, () => random.below(256));
  const text = `# Signs the tokens of sticky endpoints. The first key signs, both verify; see docs/guides/sticky-tokens.md.\nk1:${Buffer.from(secret).toString('base64')}\n`;
  const part = `${path}.part`;
  try {
    writeFileSync(part, text, { mode: KEY_FILE_MODE });
    // The mode above counts only for a file that was not there.
    chmodSync(part, KEY_FILE_MODE);
    renameSync(part, path);
  } catch (error) {
    throw new MeshError('failed-precondition', `keys of tokens cannot be made in ${path}: ${codeOf(error)}`, { cause: error });
  }
}

function stat(path: string): { isDirectory(): boolean; readonly size: number } {
  try {
    return statSync(path);
  } catch (error) {
    throw unreadable(path, error);
  }
}

function read(path: string): string {
  if (stat(path).size > FILE_BYTES_MAX)
    throw new MeshError('invalid-argument', `keys of tokens, ${path}: the file has more than ${FILE_BYTES_MAX} bytes`);
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    throw unreadable(path, error);
  }
}

const unreadable = (path: string, error: unknown): MeshError =>
  new MeshError('invalid-argument', `keys of tokens, ${path}: it cannot be read: ${codeOf(error)}`, { cause: error });

const codeOf = (error: unknown): string => (error instanceof Error && 'code' in error ? String(error.code) : 'unknown reason');
