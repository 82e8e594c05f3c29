/** The door of the room: plug-ins of a node, and what strategies among them run in. */
export { loadPlugins, type Plugin, type Plugins, type StrategyModule } from './load-plugins.ts';
export { QUESTION_BYTES_MAX } from './pick-channel.ts';
export { type PickSetup, PickStrategies, pickSetup } from './pick-strategies.ts';
export { type PickedEndpoint, type StrategyNews, THROWS_IN_A_ROW_MAX, TIMED_ANSWERS } from './pick-strategy.ts';
export { startStrategyThread } from './start-strategy.ts';
export { ANSWER_KINDS, type AnswerKind, StrategyBoard, type StrategyState } from './strategy-board.ts';
export { OVERRUNS_IN_A_ROW_MAX, WeightsStrategies } from './weights-strategies.ts';
