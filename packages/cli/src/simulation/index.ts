/** The door of the room: what a simulation of the cache came to, as a value, a table and a picture. */
export { printSimulation, simulationValue } from './simulation-report.ts';
