/** The door of the room: what owners change and ask. */
export { type EnsureCopies, Management } from './management.ts';
export { Manifests } from './manifests.ts';
export { NodeControl } from './node-control.ts';
export { CHOICES_TIMEOUT_MS, CHOICES_TOLD_MAX } from './node-decisions.ts';
export { QUESTIONS_MAX } from './open-questions.ts';
export { checkStaticModels, readStaticModels, registerStaticModels, type StaticModels } from './static-models.ts';
