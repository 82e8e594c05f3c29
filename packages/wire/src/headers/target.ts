import { ID_BYTES_MAX, MeshError } from '@modelmesh/core';
import { decodeBinaryHeader, encodeBinaryHeader, splitBinaryHeader } from './binary-header.ts';
import { type HeaderReader, isVisibleAscii } from './header-reader.ts';
import { HEADER } from './names.ts';

/** Which models a call is for, before anything is looked up. Several ids make a multi-model request. */
export interface CallTarget {
  readonly kind: 'model' | 'vmodel';
  readonly ids: readonly string[];
}

/** The most ids that one multi-model request may name. */
export const TARGET_IDS_MAX = 256;

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** @throws {MeshError} `invalid-argument` if `id` is empty or too long; `what` is `model-id` or `vmodel-id`. */
function checkId(id: string, what: string): string {
  if (id === '') throw new MeshError('invalid-argument', `provided ${what} header must be non-empty`);
  // A UTF-16 code unit takes at most three bytes, which spares the usual id an encoding.
  if (id.length * 3 > ID_BYTES_MAX && Buffer.byteLength(id) > ID_BYTES_MAX) {
    throw new MeshError('invalid-argument', `provided ${what} is longer than ${ID_BYTES_MAX} bytes`);
  }
  return id;
}

function readBinaryId(value: string, name: string): string {
  const bytes = decodeBinaryHeader(value);
  if (bytes === undefined) throw new MeshError('invalid-argument', `${name} must be base64`);
  try {
    return decoder.decode(bytes);
  } catch {
    throw new MeshError('invalid-argument', `${name} must be UTF-8 in base64`);
  }
}

const NO_IDS: readonly string[] = [];

function readIds(headers: HeaderReader, ascii: string, binary: string, what: string): readonly string[] {
  const hasPlain = headers.get(ascii) !== undefined;
  if (!hasPlain && headers.get(binary) === undefined) return NO_IDS;
  const plain = hasPlain ? headers.getAll(ascii) : NO_IDS;
  for (const id of plain) {
    if (!isVisibleAscii(id))
      throw new MeshError('invalid-argument', `${ascii} must be visible ASCII; use ${binary} for other ids`);
  }
  const ids =
    plain.length > 0
      ? plain
      : headers.getAll(binary).flatMap((value) => splitBinaryHeader(value).map((part) => readBinaryId(part, binary)));
  return checkIds(ids, ascii, what);
}

function checkIds(ids: readonly string[], name: string, what: string): readonly string[] {
  if (ids.length > TARGET_IDS_MAX) throw new MeshError('invalid-argument', `${name} may stand at most ${TARGET_IDS_MAX} times`);
  for (const id of ids) checkId(id, what);
  return ids;
}

/**
 * The models that the headers of a call name; `undefined` if they name none. The ASCII form wins over `-bin`, and `tas-model-id` counts only
 * where there is no other. Source: spec `modelmesh.md` §2.2, texts included.
 *
 * @throws {MeshError} `invalid-argument` if an id is empty, too long or not text, or if both kinds of id are there.
 */
export function readTarget(headers: HeaderReader): CallTarget | undefined {
  const models = readIds(headers, HEADER.modelId, HEADER.modelIdBin, 'model-id');
  const vModels = readIds(headers, HEADER.vModelId, HEADER.vModelIdBin, 'vmodel-id');
  if (models.length > 0 && vModels.length > 0) {
    throw new MeshError('invalid-argument', 'must include only one of model id and vmodel id');
  }
  if (models.length > 0) return { kind: 'model', ids: models };
  if (vModels.length > 0) return { kind: 'vmodel', ids: vModels };
  if (headers.get(HEADER.legacyModelId) === undefined) return undefined;
  const legacy = checkIds(headers.getAll(HEADER.legacyModelId), HEADER.legacyModelId, 'model-id');
  return { kind: 'model', ids: legacy };
}

/** As {@link readTarget}. @throws {MeshError} `invalid-argument` also if the headers name no model. */
export function requireTarget(headers: HeaderReader): CallTarget {
  const target = readTarget(headers);
  if (target === undefined) throw new MeshError('invalid-argument', `must include ${HEADER.modelId} header`);
  return target;
}

/**
 * The target that an id found in the payload stands for; it wins over every header (spec `modelmesh.md` §2.1).
 *
 * @throws {MeshError} `invalid-argument` if it is empty or too long.
 */
export function targetOfPayloadId(id: string, kind: CallTarget['kind']): CallTarget {
  return { kind, ids: [checkId(id, kind === 'model' ? 'model-id' : 'vmodel-id')] };
}

/** Whether every model of a multi-model request must exist (`mm-required: all`, in any case); otherwise those that exist answer. */
export const requiresAll = (headers: HeaderReader): boolean => headers.get(HEADER.required)?.toLowerCase() === 'all';

/** Whether the caller spreads its calls evenly over all nodes. */
export const isBalanced = (headers: HeaderReader): boolean => headers.get(HEADER.balanced) === 'true';

/** Whether the caller forbids to send a call again that perhaps was executed. */
export const forbidsRetry = (headers: HeaderReader): boolean => headers.get(HEADER.retry) === 'never';

/** Whether the caller wants to know where the answer comes from. */
export const wantsOrigin = (headers: HeaderReader): boolean => headers.get(HEADER.explain) === 'true';

/**
 * The fields that tell the runtime which model is meant, as a flat list name, value: the concrete id in binary form, and in plain form if it
 * is visible ASCII. Source: spec `modelmesh.md` §2.2.
 */
export function runtimeIdHeaders(modelId: string): string[] {
  const binary = [HEADER.modelIdBin, encodeBinaryHeader(Buffer.from(modelId, 'utf8'))];
  return isVisibleAscii(modelId) ? [...binary, HEADER.modelId, modelId] : binary;
}
