/** The door of the room: a client of a mesh. */
export type {
  AppliedView,
  CopyView,
  EndpointView,
  ErrorView,
  EventView,
  ExplanationView,
  InstanceView,
  ModelState,
  ModelView,
  PageView,
  StatusView,
} from './management-api.ts';
