import { MeshError } from '@modelmesh/core';

const SOURCE_PATH = /\/onnxruntime_src\/\S+\s+/g;
const MESSAGE_LENGTH_MAX = 1_000;

/** ONNX Runtime's sentence without the paths of its own sources. */
function textOf(thrown: unknown): string {
  const text = thrown instanceof Error ? thrown.message : String(thrown);
  return text.replaceAll(SOURCE_PATH, '').replaceAll(/\s+/g, ' ').trim().slice(0, MESSAGE_LENGTH_MAX);
}

const UNREADABLE =
  /protobuf parsing failed|invalid model|No Op registered|is not a registered function|opset|Unsupported model IR version|Type Error|ShapeInferenceError|Unsupported data type|Invalid graph|NOT_IMPLEMENTED|Could not find an implementation/i;
const OUT_OF_MEMORY = /bad_alloc|Failed to allocate|out of memory/i;

/** The error of a load that ONNX Runtime refused. */
export function loadError(thrown: unknown, path: string): MeshError {
  if (thrown instanceof MeshError) return thrown;
  const text = textOf(thrown);
  const options = { cause: thrown };
  if (/doesn't exist|does not exist/.test(text)) return new MeshError('not-found', `cannot load ${path}: ${text}`, options);
  if (OUT_OF_MEMORY.test(text)) return new MeshError('no-capacity', `not enough memory to load ${path}: ${text}`, options);
  if (UNREADABLE.test(text))
    return new MeshError('invalid-argument', `${path} is not an ONNX model that this runtime can run: ${text}`, options);
  return new MeshError('load-failed', `cannot load ${path}: ${text}`, options);
}

/**
 * The error of a run that ONNX Runtime refused. Names, types and fixed dimensions were checked before, so with open dimensions it is most likely
 * that the given sizes do not go together; a model with only fixed dimensions fails by itself.
 */
export function runError(thrown: unknown, hasOpenDimensions: boolean): MeshError {
  if (thrown instanceof MeshError) return thrown;
  const text = textOf(thrown);
  const options = { cause: thrown };
  if (OUT_OF_MEMORY.test(text)) return new MeshError('no-capacity', `not enough memory for this request: ${text}`, options);
  if (hasOpenDimensions) return new MeshError('invalid-argument', `the model cannot be run with these inputs: ${text}`, options);
  return new MeshError('internal', `the model failed: ${text}`, options);
}
