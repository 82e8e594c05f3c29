import { type ByteWindow, malformed } from './byte-window.ts';
import { tensorBytes } from './element-bytes.ts';
import type { ExternalRange, MatrixWeight, ModelFacts } from './facts.ts';

/** Graphs inside graphs inside graphs: deeper is no model. */
export const GRAPH_DEPTH_MAX = 32;

const NAME_BYTES_MAX = 4096;
const FLOAT = 1;

interface TensorFacts {
  readonly name: string;
  readonly dataType: number;
  readonly dims: readonly number[];
  readonly byteCount: number;
}

/** Adds up what the graphs of a model hold. One object serves the main graph, its subgraphs and the model's functions. */
export class GraphScan {
  readonly #window: ByteWindow;
  #depth = 0;
  #weightBytes = 0;
  #attributeBytes = 0;
  #nodeCount = 0;
  readonly #external: ExternalRange[] = [];
  readonly #unshaped = new Set<string>();
  readonly #initializers = new Map<string, TensorFacts>();
  /** Names used as the right-hand side of a product, with whether they are transposed. */
  readonly #factors = new Map<string, boolean>();

  constructor(window: ByteWindow) {
    this.#window = window;
  }

  /** The sums so far. */
  facts(): Omit<ModelFacts, 'fileBytes' | 'irVersion' | 'producer'> {
    const matrices: MatrixWeight[] = [];
    for (const [name, transposed] of this.#factors) {
      const tensor = this.#initializers.get(name);
      const columns = tensor?.dims.at(transposed ? -2 : -1);
      if (tensor === undefined || columns === undefined || tensor.dataType !== FLOAT || tensor.dims.length < 2) continue;
      matrices.push({ byteCount: tensor.byteCount, columns });
    }
    return {
      weightBytes: this.#weightBytes,
      attributeBytes: this.#attributeBytes,
      nodeCount: this.#nodeCount,
      external: this.#external,
      matrices,
      unshaped: this.#unshaped,
    };
  }

  /** Reads a GraphProto up to `end`. */
  read(end: number, isMain: boolean): void {
    if (++this.#depth > GRAPH_DEPTH_MAX)
      throw malformed(this.#window.position, `graphs are nested deeper than ${GRAPH_DEPTH_MAX}`);
    this.#fields(end, (tag) => {
      if (tag === ((1 << 3) | 2)) this.#node(this.#window.lengthEnd(end));
      else if (tag === ((5 << 3) | 2)) this.#add(this.#tensor(this.#window.lengthEnd(end)));
      else if (tag === ((15 << 3) | 2)) this.#sparseTensor(this.#window.lengthEnd(end));
      else if (isMain && (tag === ((11 << 3) | 2) || tag === ((12 << 3) | 2))) this.#value(this.#window.lengthEnd(end));
      else this.#window.skip(tag & 7, end);
    });
    this.#depth--;
  }

  /** Reads a FunctionProto up to `end`: only its nodes matter. */
  readFunction(end: number): void {
    this.#fields(end, (tag) => {
      if (tag === ((7 << 3) | 2)) this.#node(this.#window.lengthEnd(end));
      else this.#window.skip(tag & 7, end);
    });
  }

  #fields(end: number, read: (tag: number) => void): void {
    const window = this.#window;
    while (window.position < end) read(window.varint(end));
    if (window.position !== end) throw malformed(window.position, 'a message runs over its end');
  }

  #add(tensor: TensorFacts): void {
    this.#weightBytes += tensor.byteCount;
    if (this.#depth === 1) this.#initializers.set(tensor.name, tensor);
  }

  #node(end: number): void {
    this.#nodeCount++;
    const inputs: string[] = [];
    let operator = '';
    let transposed = false;
    this.#fields(end, (tag) => {
      if (tag === ((1 << 3) | 2)) inputs.push(this.#window.text(this.#window.lengthEnd(end), NAME_BYTES_MAX));
      else if (tag === ((4 << 3) | 2)) operator = this.#window.text(this.#window.lengthEnd(end), NAME_BYTES_MAX);
      else if (tag === ((5 << 3) | 2)) transposed = this.#attribute(this.#window.lengthEnd(end)) || transposed;
      else this.#window.skip(tag & 7, end);
    });
    const factor = inputs[1];
    if (factor !== undefined && (operator === 'MatMul' || operator === 'Gemm')) this.#factors.set(factor, transposed);
  }

  /** Reads an AttributeProto. @returns whether it is a set `transB`. */
  #attribute(end: number): boolean {
    const window = this.#window;
    let name = '';
    let number = 0;
    this.#fields(end, (tag) => {
      const start = window.position;
      if (tag === ((1 << 3) | 2)) name = window.text(window.lengthEnd(end), NAME_BYTES_MAX);
      else if (tag === ((3 << 3) | 0)) number = window.varint(end);
      else if (tag === ((5 << 3) | 2) || tag === ((10 << 3) | 2))
        this.#weightBytes += this.#tensor(window.lengthEnd(end)).byteCount;
      else if (tag === ((6 << 3) | 2) || tag === ((11 << 3) | 2)) this.read(window.lengthEnd(end), false);
      else if (tag === ((22 << 3) | 2)) this.#sparseTensor(window.lengthEnd(end));
      else {
        window.skip(tag & 7, end);
        this.#attributeBytes += window.position - start;
        this.#weightBytes += window.position - start;
      }
    });
    return name === 'transB' && number === 1;
  }

  #sparseTensor(end: number): void {
    this.#fields(end, (tag) => {
      const isTensor = tag === ((1 << 3) | 2) || tag === ((2 << 3) | 2);
      if (isTensor) this.#weightBytes += this.#tensor(this.#window.lengthEnd(end)).byteCount;
      else this.#window.skip(tag & 7, end);
    });
  }

  #tensor(end: number): TensorFacts {
    const window = this.#window;
    const dims: number[] = [];
    const external: Record<string, string> = {};
    let dataType = 0;
    let name = '';
    let textBytes = 0;
    this.#fields(end, (tag) => {
      if (tag === ((1 << 3) | 0)) dims.push(window.varint(end));
      else if (tag === ((1 << 3) | 2)) {
        const packedEnd = window.lengthEnd(end);
        while (window.position < packedEnd) dims.push(window.varint(packedEnd));
      } else if (tag === ((2 << 3) | 0)) dataType = window.varint(end);
      else if (tag === ((8 << 3) | 2)) name = window.text(window.lengthEnd(end), NAME_BYTES_MAX);
      else if (tag === ((6 << 3) | 2)) {
        const textEnd = window.lengthEnd(end);
        textBytes += textEnd - window.position;
        window.position = textEnd;
      } else if (tag === ((13 << 3) | 2)) this.#externalEntry(window.lengthEnd(end), external);
      else window.skip(tag & 7, end);
    });
    if (external.location !== undefined) {
      const endByte = external.length === undefined ? 0 : Number(external.offset ?? 0) + Number(external.length);
      this.#external.push({ location: external.location, endByte: Number.isFinite(endByte) ? endByte : 0 });
    }
    return { name, dataType, dims, byteCount: tensorBytes(dataType, dims, textBytes) };
  }

  #externalEntry(end: number, into: Record<string, string>): void {
    let key = '';
    let value = '';
    this.#fields(end, (tag) => {
      if (tag === ((1 << 3) | 2)) key = this.#window.text(this.#window.lengthEnd(end), NAME_BYTES_MAX);
      else if (tag === ((2 << 3) | 2)) value = this.#window.text(this.#window.lengthEnd(end), NAME_BYTES_MAX);
      else this.#window.skip(tag & 7, end);
    });
    into[key] = value;
  }

  /** Reads a ValueInfoProto of the main graph: name 1, type 2 → tensor_type 1 → shape 2. */
  #value(end: number): void {
    let name = '';
    let isTensor = false;
    let isShaped = false;
    this.#fields(end, (tag) => {
      if (tag === ((1 << 3) | 2)) name = this.#window.text(this.#window.lengthEnd(end), NAME_BYTES_MAX);
      else if (tag !== ((2 << 3) | 2)) this.#window.skip(tag & 7, end);
      else {
        const typeEnd = this.#window.lengthEnd(end);
        this.#fields(typeEnd, (typeTag) => {
          if (typeTag !== ((1 << 3) | 2)) return this.#window.skip(typeTag & 7, typeEnd);
          isTensor = true;
          const tensorEnd = this.#window.lengthEnd(typeEnd);
          this.#fields(tensorEnd, (tensorTag) => {
            isShaped ||= tensorTag === ((2 << 3) | 2);
            this.#window.skip(tensorTag & 7, tensorEnd);
          });
        });
      }
    });
    if (isTensor && !isShaped) this.#unshaped.add(name);
  }
}
