/** The door of the room: tiny models beside one that computes all the time. */
export { BESIDE_P99_MAX, type IsolationClaim, isolationClaim, isolationTable } from './claims.ts';
export { heavyModel } from './heavy-model.ts';
export { CORES_NEEDED, ISOLATION, type IsolationFigures, type IsolationPlan, runIsolation } from './isolation.ts';
export { floatRequest } from './tensor-request.ts';
