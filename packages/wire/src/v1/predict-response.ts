import { MeshError } from '@modelmesh/core';
import { ElementPrinter, elementCount, type InferResponse, JsonWriter, showShape, type Tensor } from '../oip/index.ts';
import type { PredictForm } from './predict-request.ts';

const ELEMENT_BYTES_GUESS = 12;
const FRAME_BYTES_GUESS = 256;

/**
 * Writes the body of a V1 answer, nested as the shapes say: `{"predictions": …}` in row form, one entry for each row, `{"outputs": …}` in columnar
 * form. One output stands alone, several stand by name. BYTES that are not UTF-8 become `{"b64": …}`.
 *
 * @throws {MeshError} `invalid-argument`: FP16/BF16, or, in row form, outputs whose first dimensions differ, so that there are no rows.
 */
export function encodePredictResponse(response: InferResponse, form: PredictForm): Uint8Array[] {
  const size = response.outputs.reduce((bytes, output) => bytes + guess(output), FRAME_BYTES_GUESS);
  const writer = new JsonWriter(size);
  if (form === 'row') writeRows(writer, response.outputs);
  else writeColumns(writer, response.outputs);
  writer.raw('}');
  return writer.finish();
}

const guess = (output: Tensor): number =>
  output.datatype === 'BYTES' ? output.data.length * 2 : elementCount(output.shape, output.name) * ELEMENT_BYTES_GUESS;

function writeColumns(writer: JsonWriter, outputs: readonly Tensor[]): void {
  writer.raw('{"outputs":');
  const [only] = outputs;
  if (only !== undefined && outputs.length === 1) {
    new ElementPrinter(only, 'base64-object').printNested(writer, only.shape, 0);
    return;
  }
  outputs.forEach((output, index) => {
    writer.raw(index === 0 ? '{' : ',');
    writer.string(output.name);
    writer.raw(':');
    new ElementPrinter(output, 'base64-object').printNested(writer, output.shape, 0);
  });
  writer.raw(outputs.length === 0 ? '{}' : '}');
}

function writeRows(writer: JsonWriter, outputs: readonly Tensor[]): void {
  writer.raw('{"predictions":[');
  const rows = rowsOf(outputs);
  const printers = outputs.map((output) => ({ output, printer: new ElementPrinter(output, 'base64-object') }));
  for (let row = 0; row < rows; row++) {
    if (row > 0) writer.raw(',');
    printers.forEach(({ output, printer }, index) => {
      if (printers.length > 1) {
        writer.raw(index === 0 ? '{' : ',');
        writer.string(output.name);
        writer.raw(':');
      }
      printer.printNested(writer, output.shape, 1);
    });
    if (printers.length > 1) writer.raw('}');
  }
  writer.raw(']');
}

/** The first dimension that all outputs share. */
function rowsOf(outputs: readonly Tensor[]): number {
  const rows = outputs[0]?.shape[0];
  if (outputs.length === 0) return 0;
  if (rows !== undefined && outputs.every((output) => output.shape[0] === rows)) return rows;
  const shapes = outputs.map((output) => `${JSON.stringify(output.name)} ${showShape(output.shape)}`).join(', ');
  const advice = 'ask in columnar form, with "inputs" in place of "instances"';
  throw new MeshError(
    'invalid-argument',
    `the outputs do not share a first dimension, so there are no rows: ${shapes}; ${advice}`,
  );
}
