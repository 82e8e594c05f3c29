/** The door of the room: gRPC's health service. */
export { HEALTH_SERVICES_MAX, HEALTH_WATCHES_MAX, type Health, HealthBoard } from './health-board.ts';
export { addHealth } from './health-service.ts';
