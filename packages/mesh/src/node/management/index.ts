/** The door of the room: what owners change and ask. */
export { type EnsureCopies, Management } from './management.ts';
export { Manifests } from './manifests.ts';
export { NodeControl } from './node-control.ts';
export { checkStaticModels, readStaticModels, registerStaticModels, type StaticModels } from './static-models.ts';
