import { PARAMETERS_MAX, type Parameters, type ParameterValue } from '../parameter.ts';
import { FIXED64, VARINT, type WireReader } from './wire-reader.ts';
import type { WireWriter } from './wire-writer.ts';

/** Field numbers of `InferParameter`'s oneof; spec `kserve.md` §4.4. */
const CHOICE = { bool: 1, int64: 2, string: 3, double: 4, uint64: 5 } as const;
const MAP_KEY = 1;
const MAP_VALUE = 2;
const INT64_MAX = (1n << 63n) - 1n;

/** Writes a map field of parameters. */
export function writeParameterFields(writer: WireWriter, field: number, parameters: Parameters): void {
  for (const [key, value] of parameters) {
    const entry = writer.begin(field);
    writer.stringAlways(MAP_KEY, key);
    const choice = writer.begin(MAP_VALUE);
    writeChoice(writer, value);
    writer.finish(choice);
    writer.finish(entry);
  }
}

function writeChoice(writer: WireWriter, value: ParameterValue): void {
  if (value === null) return;
  if (typeof value === 'boolean') writer.unsigned(CHOICE.bool, value ? 1 : 0);
  else if (typeof value === 'string') writer.stringAlways(CHOICE.string, value);
  else if (typeof value === 'number') writer.double(CHOICE.double, value);
  else writer.integer64(value > INT64_MAX ? CHOICE.uint64 : CHOICE.int64, value);
}

/** Reads one entry of a map of parameters into `parameters`; a later entry of the same key wins, as in protobuf. */
export function readParameterEntry(reader: WireReader, parameters: Map<string, ParameterValue>): void {
  let key = '';
  let value: ParameterValue = null;
  reader.message((field) => {
    if (field === MAP_KEY) key = reader.string();
    else if (field === MAP_VALUE) value = readChoice(reader);
    else reader.skip();
  });
  parameters.set(key, value);
  if (parameters.size > PARAMETERS_MAX) reader.fail(`more than ${PARAMETERS_MAX} parameters`);
}

/** Unknown fields are ignored and an unset choice is tolerated. */
function readChoice(reader: WireReader): ParameterValue {
  let value: ParameterValue = null;
  reader.message((field) => {
    if (field === CHOICE.string) value = reader.string();
    else if (field === CHOICE.double) {
      reader.expect(FIXED64);
      value = reader.double();
    } else if (field === CHOICE.bool || field === CHOICE.int64 || field === CHOICE.uint64) {
      reader.expect(VARINT);
      const bits = reader.int64();
      value = field === CHOICE.bool ? bits !== 0n : field === CHOICE.int64 ? bits : BigInt.asUintN(64, bits);
    } else reader.skip();
  });
  return value;
}
