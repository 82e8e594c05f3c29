/** The door of the room: shadows of real nodes: what they find, and what they cost live calls. */
export { BESIDE_SHADOW_P99_MAX, LIVE_COST, type LiveCostFigures, type LiveCostPlan, runLiveCost } from './live-cost.ts';
export { ScoringServer } from './scoring-server.ts';
export { ShadowMesh, type ShadowMeshOptions } from './shadow-mesh.ts';
