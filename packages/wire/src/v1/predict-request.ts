import { MeshError } from '@modelmesh/core';
import {
  CLOSE_ARRAY,
  END,
  type InferRequest,
  type JsonLimits,
  JsonReader,
  type ModelMetadata,
  NO_PARAMETERS,
  OPEN_ARRAY,
  OPEN_OBJECT,
  type Tensor,
} from '../oip/index.ts';
import { InputColumns } from './input-columns.ts';

/** `row`: `instances` → `predictions`; `columnar`: `inputs` → `outputs`. */
export type PredictForm = 'row' | 'columnar';

/** A predict request in the words of the Open Inference Protocol, and the form in which its answer is expected. */
export interface PredictRequest {
  readonly request: InferRequest;
  readonly form: PredictForm;
}

/** What of a predict request stands outside its body. */
export interface PredictRequestOptions {
  readonly modelName: string;
  readonly modelVersion?: string;
  readonly metadata: ModelMetadata;
  readonly limits?: JsonLimits;
}

/**
 * Reads the body of a V1 `predict`; spec `kserve.md` §4.2. Other members (`signature_name`, …) are ignored.
 *
 * @throws {MeshError} `invalid-argument`: broken JSON (`Unrecognized request format: …`), `instances` that is no list, both or neither form, an
 * input missing or unknown, values or shapes that do not fit what the model declares, always naming the inputs.
 */
export function decodePredictRequest(body: Uint8Array, options: PredictRequestOptions): PredictRequest {
  const reader = new JsonReader(body, options.limits, 'Unrecognized request format: ');
  let form: PredictForm | undefined;
  let inputs: Tensor[] = [];
  reader.object('the request', (key) => {
    if (key !== 'instances' && key !== 'inputs') {
      reader.skip();
      return;
    }
    if (form !== undefined)
      throw new MeshError('invalid-argument', 'the request has both "instances" and "inputs"; give one of them');
    form = key === 'instances' ? 'row' : 'columnar';
    const columns = new InputColumns(options.metadata);
    inputs = form === 'row' ? readInstances(reader, columns) : readInputs(reader, columns);
  });
  reader.finish();
  if (form === undefined) throw new MeshError('invalid-argument', 'the request has neither "instances" nor "inputs"');
  const { modelName, modelVersion = '' } = options;
  return { request: { modelName, modelVersion, id: '', parameters: NO_PARAMETERS, inputs, outputs: [] }, form };
}

/** Row form. Several inputs need objects, since nothing else says which value is whose. */
function readInstances(reader: JsonReader, columns: InputColumns): Tensor[] {
  const opening = reader.space();
  if (opening === END) reader.unexpected('"instances" as a list');
  if (opening !== OPEN_ARRAY) throw new MeshError('invalid-argument', 'Expected "instances" to be a list');
  const start = reader.mark();
  const only = columns.only();
  reader.pos++;
  const first = reader.space();
  const byName = first === OPEN_OBJECT && !(only !== undefined && columns.isBytes(only) && startsBase64Object(reader));
  reader.rewind(start);
  if (only !== undefined && !byName) {
    columns.read(reader, only, 0);
    return columns.whole();
  }
  if (first === CLOSE_ARRAY)
    throw new MeshError('invalid-argument', `"instances" is empty; the inputs are ${columns.describe()}`);
  let rows = 0;
  reader.array('instances', (index) => {
    if (reader.space() !== OPEN_OBJECT) {
      const needed = `must be an object with a value for each input: ${columns.describe()}`;
      throw new MeshError('invalid-argument', `instances[${index}] ${needed}`);
    }
    reader.object(`instances[${index}]`, (name) => columns.read(reader, name, 1));
    rows++;
  });
  return columns.stacked(rows);
}

/** Tells `{"b64": …}`, a value, from an object of inputs by name. */
function startsBase64Object(reader: JsonReader): boolean {
  reader.pos++;
  return reader.space() !== END && reader.quote(reader.pos, reader.pos + 5) === '"b64"';
}

/** Columnar form: one input's tensor as it is, or tensors by name. */
function readInputs(reader: JsonReader, columns: InputColumns): Tensor[] {
  const only = columns.only();
  const start = reader.mark();
  const isObject = reader.space() === OPEN_OBJECT;
  const byName = isObject && !(only !== undefined && columns.isBytes(only) && startsBase64Object(reader));
  reader.rewind(start);
  if (byName) reader.object('inputs', (name) => columns.read(reader, name, 0));
  else if (only !== undefined) columns.read(reader, only, 0);
  else throw new MeshError('invalid-argument', `"inputs" must be an object with a tensor for each input: ${columns.describe()}`);
  return columns.whole();
}
