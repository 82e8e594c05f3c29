/** The door of JSON as inference needs it: read without loss and without a tree, written as chunks, numbers at their shortest. */
export {
  CLOSE_ARRAY,
  END,
  LETTER_I_UPPER,
  LETTER_N_UPPER,
  MINUS,
  OPEN_ARRAY,
  OPEN_OBJECT,
  QUOTE,
  startsBoolean,
  startsNumber,
} from './ascii.ts';
export { integerOf } from './decimal.ts';
export { JSON_LIMITS, type JsonLimits } from './limits.ts';
export { type NumberPrecision, readIntegers, readNumbers } from './number-run.ts';
export { type FloatOutput, printFloats32 } from './print-floats.ts';
export { NUMBER_LETTERS_MAX, printAscii, printFloat64, printInteger } from './print-number.ts';
export { JsonReader, type ReaderMark } from './reader.ts';
export { type JsonValue, parseJson, readValue } from './value.ts';
export { JsonWriter } from './writer.ts';
