/** The door of the room: strategies that learn from the calls of all nodes. */
export { NO_WEIGHTS_PLUGINS, Strategies, type WeightsPlugins } from './strategies.ts';
