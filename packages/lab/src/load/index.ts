/** The door of the room: drivers of load over gRPC and HTTP/1.1, and the chance that chooses their traffic. */
export { type GrpcLoadPlan, type GrpcRequest, grpcRequest, runGrpcLoad } from './grpc-load.ts';
export { type H2loadPlan, hasH2load, runH2load } from './h2load.ts';
export { type HttpLoadPlan, type HttpRequest, httpRequest, runHttpLoad } from './http-load.ts';
export { LoadBudget, type LoadEnd } from './load-end.ts';
export type { CallsOrder, LoadOrder, LoadSummary } from './load-orders.ts';
export { LoadProcess } from './load-process.ts';
export { LoadResult } from './load-result.ts';
export { SeededRandom } from './seeded-random.ts';
export { Zipf } from './zipf.ts';
