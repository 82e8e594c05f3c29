/** The door of tensors: datatypes, raw data and its checks, and both ways between raw data and JSON. */
export {
  CONTENTS_FIELDS,
  type ContentsField,
  DATATYPES,
  type Datatype,
  type DatatypeTraits,
  datatypeOf,
  isDatatype,
  type JsonForm,
  traitsOf,
} from './datatype.ts';
export { ElementPrinter, type NotUtf8 } from './element-printer.ts';
export { decodeBase64, ElementSink, type SinkOptions } from './element-sink.ts';
export { appendBytesElement, GrowingBytes } from './growing-bytes.ts';
export { checkDataForm, NestedData } from './nested-data.ts';
export { checkRawData, elementCount, endOfBytesElement, showShape, TENSOR_RANK_MAX, type Tensor } from './tensor.ts';
