/** The door of the room: gRPC's server reflection. */
export { addReflection, type ReflectionOptions } from './reflection-service.ts';
