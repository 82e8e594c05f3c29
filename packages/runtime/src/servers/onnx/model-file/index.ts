/** What an ONNX file is, without loading it: where it is, what it holds, what memory it will take. */

export type { ExternalRange, MatrixWeight, ModelFacts } from './facts.ts';
export { checkExternalFiles, FOLDER_ENTRIES_MAX, locateModelFile } from './locate.ts';
export { ATTRIBUTE_FACTOR, NODE_BYTES, predictSessionBytes, SESSION_BYTES } from './predict.ts';
export { scanModelFile } from './scan.ts';
