/** The door of the room: management over REST, one fastify app without a port of its own. */
export { createManagementApp, type ManagementApp, type ManagementAppDeps } from './management-app.ts';
export { managementReference } from './reference.ts';
