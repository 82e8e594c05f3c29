import { MeshError } from '@modelmesh/core';
import { type JsonLimits, JsonReader, OPEN_ARRAY, OPEN_OBJECT } from '../json/index.ts';
import { PARAMETERS_MAX, type ParameterValue, readParameterValue } from '../parameter.ts';
import { type InferRequest, TENSORS_MAX, type TensorMetadata } from '../proto/index.ts';
import { datatypeOf, ElementSink, NestedData, showShape, type Tensor } from '../tensor/index.ts';

/** The input that carries the prompt, and the output that carries the answer; Triton's generate extension. */
export const TEXT_INPUT = 'text_input';

/** What of a generate request stands outside its body. */
export interface GenerateRequestOptions {
  readonly modelName: string;
  readonly modelVersion?: string;
  /** Inputs that the model declares; empty where its signature is not known. */
  readonly inputs: readonly TensorMetadata[];
  readonly limits?: JsonLimits;
}

const PROMPT: TensorMetadata = { name: TEXT_INPUT, datatype: 'BYTES', shape: [1] };

/**
 * Reads the body of `generate` or `generate_stream` as an infer request. Every member, those within `parameters` too, becomes the input of
 * that name if the model declares one, else a parameter; `id` is the request's id. A single value fills a shape of ones; a list of n takes
 * the declared shape with n in its last variable dimension.
 *
 * @throws {MeshError} `invalid-argument`: broken JSON, `text_input` missing or unknown to the model, a list for a mere parameter, values that
 * do not fit the declared datatype or shape.
 */
export function decodeGenerateRequest(body: Uint8Array, options: GenerateRequestOptions): InferRequest {
  const declared = new Map((options.inputs.length === 0 ? [PROMPT] : options.inputs).map((input) => [input.name, input]));
  const draft = new GenerateDraft(new JsonReader(body, options.limits), declared);
  draft.read();
  if (!draft.inputs.has(TEXT_INPUT)) {
    if (declared.has(TEXT_INPUT)) throw new MeshError('invalid-argument', `the request has no "${TEXT_INPUT}"`);
    const names = [...declared.keys()].map((name) => JSON.stringify(name)).join(', ');
    throw new MeshError(
      'invalid-argument',
      `the model has no input "${TEXT_INPUT}", so it cannot generate; its inputs are ${names}`,
    );
  }
  const { modelName, modelVersion = '' } = options;
  return { modelName, modelVersion, id: draft.id, parameters: draft.parameters, inputs: [...draft.inputs.values()], outputs: [] };
}

class GenerateDraft {
  id = '';
  readonly inputs = new Map<string, Tensor>();
  readonly parameters = new Map<string, ParameterValue>();
  readonly #reader: JsonReader;
  readonly #declared: ReadonlyMap<string, TensorMetadata>;

  constructor(reader: JsonReader, declared: ReadonlyMap<string, TensorMetadata>) {
    this.#reader = reader;
    this.#declared = declared;
  }

  read(): void {
    const reader = this.#reader;
    reader.object('the request', (key) => {
      if (key === 'id' && !this.#declared.has('id')) this.id = reader.nullHere() ? '' : reader.text('id');
      else if (key === 'parameters' && !this.#declared.has('parameters')) this.#nested();
      else this.#member(key);
    });
    reader.finish();
  }

  #nested(): void {
    if (!this.#reader.nullHere()) this.#reader.object('parameters', (key) => this.#member(key));
  }

  #member(key: string): void {
    const quoted = JSON.stringify(key);
    if (this.inputs.has(key) || this.parameters.has(key)) {
      throw new MeshError('invalid-argument', `${quoted} is given twice, beside and within "parameters"`);
    }
    if (this.inputs.size > TENSORS_MAX || this.parameters.size >= PARAMETERS_MAX) {
      throw new MeshError('invalid-argument', `more than ${PARAMETERS_MAX} parameters`);
    }
    const input = this.#declared.get(key);
    if (input !== undefined) {
      if (!this.#reader.nullHere()) this.inputs.set(key, this.#input(input));
      return;
    }
    const byte = this.#reader.space();
    if (byte === OPEN_ARRAY || byte === OPEN_OBJECT) {
      this.#reader.skip();
      throw new MeshError(
        'invalid-argument',
        `${quoted} is no input of the model, and a parameter must be a string, number or boolean`,
      );
    }
    this.parameters.set(key, readParameterValue(this.#reader, quoted));
  }

  #input(declared: TensorMetadata): Tensor {
    const label = `input ${JSON.stringify(declared.name)}`;
    const datatype = datatypeOf(declared.datatype, label);
    const sink = new ElementSink(datatype, { label });
    const data = new NestedData(sink);
    data.read(this.#reader);
    const shape = fittingShape(declared.shape, sink.count, data.dimensions(), label);
    return { name: declared.name, datatype, shape, parameters: new Map(), data: sink.data() };
  }
}

/** The declared shape with its variable dimensions filled so that it holds `count` elements. */
function fittingShape(declared: readonly number[], count: number, dimensions: readonly number[], label: string): number[] {
  const sameRank = dimensions.length === declared.length;
  if (sameRank && declared.every((dimension, axis) => dimension < 0 || dimension === dimensions[axis])) return [...dimensions];
  const lastVariable = declared.findLastIndex((dimension) => dimension < 0);
  const fixed = declared.reduce((product, dimension) => (dimension < 0 ? product : product * dimension), 1);
  const rest = lastVariable < 0 ? 1 : count / fixed;
  if (dimensions.length > 1 || !Number.isInteger(rest) || fixed * rest !== count) {
    const got = dimensions.length > 1 ? showShape(dimensions) : `${count}`;
    throw new MeshError('invalid-argument', `${label}: ${got} values do not fit the declared shape ${showShape(declared)}`);
  }
  return declared.map((dimension, axis) => (dimension >= 0 ? dimension : axis === lastVariable ? rest : 1));
}
