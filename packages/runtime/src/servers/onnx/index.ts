/** The embedded server of ONNX models. */
export { OnnxServer, type OnnxServerOptions } from './onnx-server.ts';
export { spawnWorker } from './pool/index.ts';
