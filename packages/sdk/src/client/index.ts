/** The door of the room: a client of a mesh. */

export type { DiffSampleView, DiffsView, DiffTimesView, MirrorDiffView, SegmentDiffView } from './diff-view.ts';
export { ANSWER_BYTES_MAX } from './http-transport.ts';
export type { InferenceServiceView } from './inference-service-view.ts';
export type {
  AppliedView,
  ChangesView,
  CopyView,
  DecisionsView,
  DecisionView,
  EditView,
  EndpointView,
  ErrorView,
  EventView,
  ExplanationView,
  InstanceView,
  ModelState,
  ModelView,
  PageView,
  PolicyView,
  PreviewedCallView,
  PreviewView,
  RevisionView,
  StatusView,
  VariantShareView,
  VariantView,
} from './management-api.ts';
export { type InferCall, MeshClient, type MeshClientOptions } from './mesh-client.ts';
export {
  type EnsureLoadedCall,
  type ModelInfoRequest,
  ModelMeshClient,
  type ModelStatusInfo,
  type RegisterModelCall,
  type SetVModelCall,
  type VModelCall,
  type VModelStatusInfo,
} from './model-mesh-client.ts';
export { type EditOptions, type EventOptions, RestClient, type RestInferOptions, type RestOptions } from './rest-client.ts';
export { MESH_PORT_DEFAULT, parseServer, type ServerAddress } from './server-address.ts';
export { EVENT_CHARS_MAX } from './server-sent-events.ts';
export { systemClock } from './system-clock.ts';
export { byteStringsOf, bytesTensor, type ElementsOf, elementsOf, type FixedDatatype, tensor, textsOf } from './tensors.ts';
