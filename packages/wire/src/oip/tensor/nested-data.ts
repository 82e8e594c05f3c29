import { MeshError } from '@modelmesh/core';
import { CLOSE_ARRAY, type JsonReader, OPEN_ARRAY } from '../json/index.ts';
import type { ElementSink } from './element-sink.ts';
import { elementCount, showShape, TENSOR_RANK_MAX } from './tensor.ts';

/**
 * Reads nested arrays into a sink and learns their form on the way. Every array of one level must have the same length, and values stand at
 * one depth only; otherwise the data is ragged and refused.
 */
export class NestedData {
  readonly #sink: ElementSink;
  /** Length of the arrays of each level, as far as one was closed. */
  readonly #lengths: number[] = [];
  /** Level of the arrays that hold the elements themselves; -1 until one was seen. */
  #leafLevel = -1;

  constructor(sink: ElementSink) {
    this.#sink = sink;
  }

  /** Reads one value, an element or an array of any depth, that stands within `level` arrays. */
  read(reader: JsonReader, level = 0): void {
    if (reader.space() === OPEN_ARRAY) this.#array(reader, level);
    else {
      this.#leafAt(level - 1);
      this.#sink.takeOne(reader);
    }
  }

  /** Declares that `length` values were read at `level` by someone else, who walked that array. */
  closed(level: number, length: number): void {
    const known = this.#lengths[level];
    if (known !== undefined && known !== length) {
      throw this.#ragged(`an array at depth ${level + 1} has ${length} entries, another has ${known}`);
    }
    this.#lengths[level] = length;
  }

  /** Dimensions of all that was read. */
  dimensions(): number[] {
    return this.#lengths.slice();
  }

  #array(reader: JsonReader, level: number): void {
    if (level >= TENSOR_RANK_MAX) throw this.#ragged(`more than ${TENSOR_RANK_MAX} dimensions`);
    reader.enter();
    const first = reader.space();
    const before = this.#sink.count;
    let length = 0;
    if (first === CLOSE_ARRAY) reader.pos++;
    else if (first === OPEN_ARRAY) {
      do {
        if (reader.space() !== OPEN_ARRAY) throw this.#ragged('it holds single values beside arrays');
        this.#array(reader, level + 1);
        length++;
      } while (reader.moreElements());
    } else {
      this.#leafAt(level);
      this.#sink.takeUntilEnd(reader);
      length = this.#sink.count - before;
    }
    reader.leave();
    this.closed(level, length);
  }

  #leafAt(level: number): void {
    if (this.#leafLevel !== -1 && this.#leafLevel !== level) throw this.#ragged('values stand at different depths');
    this.#leafLevel = level;
    if (this.#lengths.length > level + 1) throw this.#ragged('values stand at different depths');
  }

  #ragged(problem: string): MeshError {
    return new MeshError('invalid-argument', `${this.#sink.label}: ragged data: ${problem}`);
  }
}

/**
 * Checks data of the form `dimensions` against the shape that the request states: nested as the shape says, or flat in row-major order.
 * An empty tensor may be written as any arrays without an element; a scalar (`[]`) as the element alone or in an array.
 *
 * @throws {MeshError} `invalid-argument` naming the tensor, its shape and what was counted.
 */
export function checkDataForm(dimensions: readonly number[], count: number, shape: readonly number[], label: string): void {
  const expected = elementCount(shape, label);
  if (count !== expected) {
    throw new MeshError(
      'invalid-argument',
      `${label}: shape ${showShape(shape)} needs ${expected} elements, its data holds ${count}`,
    );
  }
  if (dimensions.length === 0 && shape.length > 0) {
    throw new MeshError('invalid-argument', `${label}: its data must be an array`);
  }
  if (count === 0 || dimensions.length <= 1) return;
  if (dimensions.length !== shape.length || dimensions.some((dimension, axis) => dimension !== shape[axis])) {
    throw new MeshError(
      'invalid-argument',
      `${label}: its data is nested as ${showShape(dimensions)}, its shape is ${showShape(shape)}`,
    );
  }
}
