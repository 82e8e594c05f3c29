import { MeshError } from '@modelmesh/core';
import {
  datatypeOf,
  ElementSink,
  type JsonReader,
  type ModelMetadata,
  NestedData,
  NO_PARAMETERS,
  showShape,
  type Tensor,
  type TensorMetadata,
} from '../oip/index.ts';

/** One declared input while its values are being read. */
class InputColumn {
  readonly declared: TensorMetadata;
  readonly sink: ElementSink;
  readonly data: NestedData;
  /** Rows that gave a value. */
  rows = 0;

  constructor(declared: TensorMetadata) {
    const label = `input ${JSON.stringify(declared.name)}`;
    this.declared = declared;
    this.sink = new ElementSink(datatypeOf(declared.datatype, label), { label, base64Objects: true });
    this.data = new NestedData(this.sink);
  }

  tensor(): Tensor {
    const { name } = this.declared;
    const shape = declaredShape(this.data.dimensions(), this.declared, this.sink.label);
    return { name, datatype: this.sink.datatype, shape, parameters: NO_PARAMETERS, data: this.sink.data() };
  }
}

/**
 * The shape that data of the form `dimensions` has under the declaration: equal rank, or short of trailing ones.
 *
 * @throws {MeshError} `invalid-argument` naming the input and both shapes.
 */
function declaredShape(dimensions: readonly number[], declared: TensorMetadata, label: string): number[] {
  const missing = declared.shape.slice(dimensions.length);
  const shape = missing.every((dimension) => dimension === 1 || dimension === -1)
    ? [...dimensions, ...missing.map(() => 1)]
    : dimensions;
  const fits = shape.length === declared.shape.length && shape.every((length, axis) => matches(length, declared.shape[axis]));
  if (fits) return [...shape];
  const problem = `data of shape ${showShape(dimensions)} does not fit the declared shape ${showShape(declared.shape)}`;
  throw new MeshError('invalid-argument', `${label}: ${problem}`);
}

const matches = (length: number, declared: number | undefined): boolean =>
  declared === undefined || declared < 0 || declared === length;

/** The inputs that a model declares, each collecting its values. */
export class InputColumns {
  readonly #columns: ReadonlyMap<string, InputColumn>;

  /** @throws {MeshError} `invalid-argument` if the model declares no inputs, or one whose datatype JSON cannot carry. */
  constructor(metadata: ModelMetadata) {
    if (metadata.inputs.length === 0) {
      const advice = 'its inputs are not declared, so values have no type; use the V2 protocol';
      throw new MeshError(
        'invalid-argument',
        `model ${JSON.stringify(metadata.name)} cannot be asked through the V1 protocol: ${advice}`,
      );
    }
    this.#columns = new Map(metadata.inputs.map((input) => [input.name, new InputColumn(input)]));
  }

  /** The input's name where there is only one. */
  only(): string | undefined {
    const [first] = this.#columns.keys();
    return this.#columns.size === 1 ? first : undefined;
  }

  /** The declared inputs for a message: `"a" BYTES [-1], "b" FP32 [-1,4]`. */
  describe(): string {
    const inputs = [...this.#columns.values()].map(({ declared }) => declared);
    return inputs.map(({ name, datatype, shape }) => `${JSON.stringify(name)} ${datatype} ${showShape(shape)}`).join(', ');
  }

  has(name: string): boolean {
    return this.#columns.has(name);
  }

  isBytes(name: string): boolean {
    return this.#columns.get(name)?.declared.datatype === 'BYTES';
  }

  /** Reads a value of the input, which stands within `level` arrays. */
  read(reader: JsonReader, name: string, level: number): void {
    const column = this.#columns.get(name);
    if (column === undefined) {
      throw new MeshError(
        'invalid-argument',
        `the model has no input ${JSON.stringify(name)}; its inputs are ${this.describe()}`,
      );
    }
    column.data.read(reader, level);
    column.rows++;
  }

  /** The tensors of row form: every input must have given a value in each of `rows` rows. */
  stacked(rows: number): Tensor[] {
    for (const column of this.#columns.values()) column.data.closed(0, rows);
    return this.#tensors(rows);
  }

  /** The tensors of columnar form, each given once. */
  whole(): Tensor[] {
    return this.#tensors(1);
  }

  #tensors(expectedRows: number): Tensor[] {
    return [...this.#columns.values()].map((column) => {
      if (column.rows === expectedRows) return column.tensor();
      const where = expectedRows === 1 ? 'is missing' : `is given in ${column.rows} of ${expectedRows} instances`;
      throw new MeshError('invalid-argument', `${column.sink.label} ${where}; the inputs are ${this.describe()}`);
    });
  }
}
