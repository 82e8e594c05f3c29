/** The door of the room: what a call through the node costs beside the runtime alone, and what a cold call costs. */
export { baselinesOf, boundOf, type Ratios, WORSE_MAX, worsened, worsenedTwice } from './baselines.ts';
export { BEYOND_COMMIT_MAX_MS, type ColdCallFigures, coldCallsAt, runColdCalls } from './cold-call.ts';
export {
  type EndpointCost,
  type EndpointCostPlan,
  endpointCostHolds,
  endpointCostTable,
  PLAIN_RATIO_MAX,
  runEndpointCost,
  TOKEN_RATIO_MAX,
} from './endpoint-cost.ts';
export {
  FORWARDED_CPU_MAX,
  type ForwardedFigures,
  type ForwardedPlan,
  forwardedHolds,
  forwardedTable,
  runForwarded,
} from './forwarded.ts';
export { type Comparison, type HopFigures, type HopPlan, ratioName, runHop, SUITE_HOP } from './hop.ts';
export { plusOneModel } from './plus-one-model.ts';
export { coldHolds, coldTable, hopTable, ratiosOf } from './report.ts';
export { type Cost, costOf, type GrpcDriver, grpcDriver, type Pressure, type Subject, throughNode } from './subject.ts';
