/**
 * The services that every gRPC server of ours offers besides its own: health and reflection, and the descriptor set that reflection
 * answers from.
 */
export {
  Health,
  type HealthCheckRequest,
  HealthCheckRequestSchema,
  type HealthCheckResponse,
  HealthCheckResponse_ServingStatus,
  HealthCheckResponse_ServingStatusSchema,
  HealthCheckResponseSchema,
  type HealthListRequest,
  HealthListRequestSchema,
  type HealthListResponse,
  HealthListResponseSchema,
} from '../gen/grpc/health/v1/health_pb.ts';
export * as reflectionV1 from '../gen/grpc/reflection/v1/reflection_pb.ts';
export * as reflectionV1Alpha from '../gen/grpc/reflection/v1alpha/reflection_pb.ts';
export { descriptorSetBytes } from './descriptor-set.ts';
