/** The door of the room that runs models. */
export { NULL_FACTS, NullServer } from './null/index.ts';
export { OnnxServer, type OnnxServerOptions, spawnWorker } from './onnx/index.ts';
export type {
  CallHandler,
  CallHeaders,
  InferenceCall,
  ModelRequest,
  ModelServer,
  ModelUsage,
  PreparedModel,
  ProcessUsage,
  ServerFacts,
} from './port.ts';
export { StreamTextServer } from './stream-text/index.ts';
