import { encodeInferResponse } from '@modelmesh/wire/oip';
import { SeededRandom } from '../load/index.ts';

/** How clients write a float32: as short as it can be, with two decimals, or as Python writes the double of the same value. */
export type NumberStyle = 'shortest' | 'two decimals' | 'as Python';

/** A question of floats and its answer, in JSON and in protobuf. */
export interface FloatCall {
  readonly body: Uint8Array;
  readonly answer: Uint8Array;
}

/** Floats of one tensor. */
export const FLOATS = 1000;
const SEED = 1;
/** Different bodies in turns: a processor learns one that comes again and again. */
const BODIES = 64;

/** Calls with random floats between -5 and 5. */
export function floatCalls(style: NumberStyle): readonly FloatCall[] {
  const random = new SeededRandom(SEED);
  return Array.from({ length: BODIES }, () => {
    const texts = Array.from({ length: FLOATS }, () => spell(Math.fround((random.share() - 0.5) * 10), style));
    const values = Float32Array.from(texts, Number);
    return { body: bodyOf(texts), answer: answerOf(new Uint8Array(values.buffer)) };
  });
}

/** The body of a V2 request for these numbers. */
export const bodyOf = (texts: readonly string[]): Uint8Array =>
  Buffer.from(`{"inputs":[{"name":"x","datatype":"FP32","shape":[${texts.length}],"data":[${texts.join(',')}]}]}`);

function spell(value: number, style: NumberStyle): string {
  if (style === 'two decimals') return value.toFixed(2);
  if (style === 'as Python') return String(value);
  for (let digits = 1; digits < 9; digits++) {
    const text = String(Number(value.toPrecision(digits)));
    if (Math.fround(Number(text)) === value) return text;
  }
  return String(Number(value.toPrecision(9)));
}

function answerOf(data: Uint8Array): Uint8Array {
  const parameters = new Map();
  const outputs = [{ name: 'y', datatype: 'FP32', shape: [FLOATS], parameters, data }] as const;
  return Buffer.concat(encodeInferResponse({ modelName: 'm', modelVersion: '', id: '', parameters, outputs }));
}
