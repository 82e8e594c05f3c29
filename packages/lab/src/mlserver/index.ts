/** The door of the room: node and embedded runtime beside MLServer, with one scikit-learn model. */
export {
  COMPARISON,
  type ComparisonPlan,
  compareWithMlServer,
  comparisonHolds,
  comparisonTable,
  type MlServerFigures,
  type ProtocolFigures,
  TIMES_MLSERVER_MIN,
} from './comparison.ts';
