import { MeshError } from '@modelmesh/core';
import { type JsonLimits, JsonReader } from '../json/index.ts';
import { type ParameterValue, readParameters } from '../parameter.ts';
import { type InferRequest, type RequestedOutput, refuseRepeated, TENSORS_MAX } from '../proto/index.ts';
import { BinarySection, jsonLength } from './binary-section.ts';
import { type InputJson, readInput, tensorOf } from './input-json.ts';

/** Parameters by which a caller asks for binary outputs: for one output, and as the default of all; spec `kserve.md` §4.5. */
const BINARY_DATA = 'binary_data';
const BINARY_DATA_OUTPUT = 'binary_data_output';

/** How the caller wants the answer. */
export interface AnswerForm {
  /** Whether outputs that do not say otherwise are binary. */
  readonly binaryByDefault: boolean;
  /** The outputs asked for, in the order of the answer; empty: all, in the model's order. */
  readonly outputs: readonly { readonly name: string; readonly binary: boolean }[];
}

/** All outputs as JSON. */
export const PLAIN_ANSWER: AnswerForm = { binaryByDefault: false, outputs: [] };

/** A V2 infer request with what only concerns its REST side. */
export interface RestInferRequest {
  readonly request: InferRequest;
  readonly answer: AnswerForm;
}

/** What of a V2 infer request stands outside its body. */
export interface RestInferRequestOptions {
  readonly modelName: string;
  /** Empty or absent: none. */
  readonly modelVersion?: string;
  /** Value of the `Inference-Header-Content-Length` header. */
  readonly headerLength?: string | undefined;
  readonly limits?: JsonLimits;
}

/**
 * Reads the (uncompressed) body of a V2 infer request: JSON, followed by binary tensors if the header says so. Numbers go straight into raw
 * bytes; binary tensors are slices of `body`. Unknown members are ignored, `null` stands for an absent one. The parameters that describe the
 * REST body (`binary_data_size`, `binary_data`, `binary_data_output`) are not passed on.
 *
 * @throws {MeshError} `invalid-argument` naming position or tensor; `too-large` beyond the limits.
 */
export function decodeRestInferRequest(body: Uint8Array, options: RestInferRequestOptions): RestInferRequest {
  const length = jsonLength(options.headerLength, body.length);
  const reader = new JsonReader(body.subarray(0, length), options.limits);
  let id = '';
  let parameters = new Map<string, ParameterValue>();
  let inputs: InputJson[] | undefined;
  let outputs: RequestedOutput[] = [];
  reader.object('the request', (key) => {
    if (key === 'id') id = reader.nullHere() ? '' : reader.text('id');
    else if (key === 'parameters') parameters = readParameters(reader, 'the request');
    else if (key === 'inputs') inputs = readInputs(reader);
    else if (key === 'outputs') outputs = readOutputs(reader);
    else reader.skip();
  });
  reader.finish();
  if (inputs === undefined) throw new MeshError('invalid-argument', 'the request has no "inputs"');
  refuseRepeated(inputs, 'input', 'invalid-argument');
  refuseRepeated(outputs, 'output', 'invalid-argument');

  const binary = new BinarySection(body, length, options.headerLength !== undefined);
  const tensors = inputs.map((input) => tensorOf(input, binary));
  binary.finish();
  const byDefault = takeFlag(parameters, BINARY_DATA_OUTPUT, 'the request') ?? false;
  const answer = { binaryByDefault: byDefault, outputs: outputs.map((output) => answerOf(output, byDefault)) };
  const { modelName, modelVersion = '' } = options;
  return { request: { modelName, modelVersion, id, parameters, inputs: tensors, outputs }, answer };
}

function readInputs(reader: JsonReader): InputJson[] {
  const inputs: InputJson[] = [];
  reader.array('inputs', (index) => {
    if (index >= TENSORS_MAX) throw new MeshError('invalid-argument', `more than ${TENSORS_MAX} inputs`);
    inputs.push(readInput(reader, index));
  });
  return inputs;
}

function readOutputs(reader: JsonReader): RequestedOutput[] {
  const outputs: RequestedOutput[] = [];
  if (reader.nullHere()) return outputs;
  reader.array('outputs', (index) => {
    if (index >= TENSORS_MAX) throw new MeshError('invalid-argument', `more than ${TENSORS_MAX} outputs`);
    let name = '';
    let parameters = new Map<string, ParameterValue>();
    reader.object(`outputs[${index}]`, (key) => {
      if (key === 'name') name = reader.text(`outputs[${index}].name`);
      else if (key === 'parameters') parameters = readParameters(reader, `outputs[${index}]`);
      else reader.skip();
    });
    if (name === '') throw new MeshError('invalid-argument', `outputs[${index}] has no "name"`);
    outputs.push({ name, parameters });
  });
  return outputs;
}

/** What the output says of itself beats what the request says of all; spec `kserve.md` §6.5, 25. */
function answerOf(output: RequestedOutput, byDefault: boolean): AnswerForm['outputs'][number] {
  const parameters = output.parameters as Map<string, ParameterValue>;
  return { name: output.name, binary: takeFlag(parameters, BINARY_DATA, `output ${JSON.stringify(output.name)}`) ?? byDefault };
}

/** Takes a boolean parameter out of `parameters`. */
function takeFlag(parameters: Map<string, ParameterValue>, key: string, owner: string): boolean | undefined {
  const value = parameters.get(key);
  if (value === undefined || value === null) return undefined;
  if (typeof value !== 'boolean') throw new MeshError('invalid-argument', `${owner}: ${key} must be true or false`);
  parameters.delete(key);
  return value;
}
