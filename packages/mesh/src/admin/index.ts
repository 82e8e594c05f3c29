/** The door of the room: the ports for operators: probes, pre-stop hook, metrics. */
export { type AdminParts, type RunningAdmin, startAdmin } from './admin.ts';
export { ADMIN_CONNECTIONS_MAX } from './admin-server.ts';
export type { Readiness } from './probes.ts';
export { SCRAPE_NAMES_MAX, SCRAPES_MAX } from './scrapes.ts';
