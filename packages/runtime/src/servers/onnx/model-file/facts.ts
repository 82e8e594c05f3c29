/** A range of a file beside the model that an initializer is in. */
export interface ExternalRange {
  readonly location: string;
  /** Where the range ends in that file; 0 where the model leaves the length open. */
  readonly endByte: number;
}

/** A weight that a node multiplies by, as kernels pack it. */
export interface MatrixWeight {
  readonly byteCount: number;
  /** Columns of the matrix, and what they become when packed for vectors. */
  readonly columns: number;
}

/** What an ONNX file says about itself without its weights being read. */
export interface ModelFacts {
  readonly fileBytes: number;
  readonly irVersion: number;
  readonly producer: string;
  /** Memory of all initializers, constants and weights kept in attributes, external ones included. */
  readonly weightBytes: number;
  /** Of {@link weightBytes}: lists of numbers and texts in attributes, as tree ensembles have them. */
  readonly attributeBytes: number;
  readonly nodeCount: number;
  readonly external: readonly ExternalRange[];
  /** Right-hand matrices of 32-bit float products. */
  readonly matrices: readonly MatrixWeight[];
  /** Names of graph inputs and outputs without a shape: their rank is unknown, where a scalar has a shape without dimensions. */
  readonly unshaped: ReadonlySet<string>;
}
