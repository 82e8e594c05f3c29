/** The door of the room: management over REST, one fastify app without a port of its own. */
export type { CreateManagementApp, ManagementApp, ManagementAppDeps } from './management-app.ts';
