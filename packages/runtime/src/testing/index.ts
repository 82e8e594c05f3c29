/** Makes ONNX files without any machine-learning library, for tests, simulations of load and benchmarks. Not shipped. */
export { GENERATED_WIDTH, type GeneratedModel, type GeneratedModelOptions, generateModel } from './generated-model.ts';
export {
  ONNX_TYPE,
  type OnnxAttributeSpec,
  type OnnxInitializerSpec,
  type OnnxModelSpec,
  type OnnxNodeSpec,
  type OnnxTypeName,
  type OnnxValueSpec,
  onnxModel,
  onnxModelChunks,
} from './onnx-model.ts';
export { ProtobufWriter } from './protobuf-writer.ts';
