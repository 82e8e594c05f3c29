import { MeshError } from '@modelmesh/core';
import type { ElementArray, ElementType } from './element-type.ts';
import type { InferRequest, RequestInput } from './infer-request.ts';
import { rawElements, rawTexts } from './raw-contents.ts';
import { type Signature, shapeText, type TensorSpec } from './signature.ts';
import { typedElements, typedTexts } from './typed-contents.ts';

/** One input, ready for a run. */
export interface Feed {
  readonly name: string;
  readonly type: ElementType;
  readonly data: ElementArray | string[];
  readonly dims: readonly number[];
}

/**
 * Checks a request against a model's signature and makes its feeds. Raw contents are seen in place where their alignment allows.
 *
 * @throws {MeshError} `invalid-argument` that names the tensor, what was expected and what came.
 */
export function feedsOf(request: InferRequest, signature: Signature, bytes: Uint8Array<ArrayBuffer>): Feed[] {
  checkNames(request, signature);
  const isRaw = request.raw.length > 0;
  if (isRaw) checkRawForm(request);
  return request.inputs.map((input, index) => {
    const spec = specOf(input.name, signature);
    const elements = checkShape(input, spec);
    const { type } = spec;
    const raw = request.raw[index];
    const data =
      type.byteSize === 0
        ? raw !== undefined
          ? rawTexts(bytes, raw, input, elements)
          : typedTexts(bytes, input, elements)
        : raw !== undefined
          ? rawElements(bytes, raw, input, type, elements)
          : typedElements(bytes, input, type, elements);
    return { name: input.name, type, data, dims: input.shape };
  });
}

/** The outputs that `request` asks for, or all of them. @throws {MeshError} `invalid-argument` for an unknown or repeated one. */
export function wantedOutputs(request: InferRequest, signature: Signature): readonly TensorSpec[] {
  if (request.outputs.length === 0) return signature.outputs;
  return request.outputs.map((name, index) => {
    const spec = signature.outputs.find((output) => output.name === name);
    if (spec === undefined) throw invalid(`unknown output ${quote(name)}; the model gives ${names(signature.outputs)}`);
    if (request.outputs.indexOf(name) !== index) throw invalid(`output ${quote(name)} is asked for twice`);
    return spec;
  });
}

function checkNames(request: InferRequest, signature: Signature): void {
  const { inputs } = request;
  for (let i = 0; i < inputs.length; i++) {
    const name = (inputs[i] as RequestInput).name;
    specOf(name, signature);
    for (let j = 0; j < i; j++) if (inputs[j]?.name === name) throw invalid(`input ${quote(name)} is given twice`);
  }
  if (inputs.length === signature.inputs.length) return;
  const given = new Set(inputs.map((input) => input.name));
  const missing = signature.inputs.filter((input) => !given.has(input.name));
  throw invalid(`missing input ${names(missing)}; the model takes ${names(signature.inputs)}`);
}

function checkRawForm(request: InferRequest): void {
  if (request.raw.length !== request.inputs.length) {
    throw invalid(
      `the number of inputs (${request.inputs.length}) does not match the number of raw_input_contents (${request.raw.length}); each input needs one`,
    );
  }
  const typed = request.inputs.find((input) => input.contents.length > 0);
  if (typed !== undefined)
    throw invalid(`input ${quote(typed.name)} has contents although raw_input_contents is used; use one or the other`);
}

function specOf(name: string, signature: Signature): TensorSpec {
  for (const spec of signature.inputs) if (spec.name === name) return spec;
  throw invalid(`unknown input ${quote(name)}; the model takes ${names(signature.inputs)}`);
}

/** Checks datatype and shape. @returns the number of elements. */
function checkShape(input: RequestInput, spec: TensorSpec): number {
  if (input.datatype !== spec.type.datatype) {
    throw invalid(
      `input ${quote(input.name)}: expected datatype ${spec.type.datatype}, got ${input.datatype === '' ? 'none' : input.datatype}`,
    );
  }
  let elements = 1;
  let fits = spec.shape === null || spec.shape.length === input.shape.length;
  for (let i = 0; i < input.shape.length; i++) {
    const dim = input.shape[i] as number;
    if (dim < 0) throw invalid(`input ${quote(input.name)}: shape ${shapeText(input.shape)} has a negative dimension`);
    const expected = spec.shape === null ? -1 : (spec.shape[i] ?? -1);
    if (expected >= 0 && expected !== dim) fits = false;
    elements *= dim;
  }
  if (!fits) throw invalid(`input ${quote(input.name)}: expected shape ${shapeText(spec.shape)}, got ${shapeText(input.shape)}`);
  return elements;
}

function names(specs: readonly TensorSpec[]): string {
  return specs.length === 0 ? 'nothing' : specs.map((spec) => quote(spec.name)).join(', ');
}

function quote(name: string): string {
  return JSON.stringify(name);
}

function invalid(message: string): MeshError {
  return new MeshError('invalid-argument', message);
}
