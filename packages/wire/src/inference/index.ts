/**
 * Messages and the service descriptor of package `inference`: the Open Inference Protocol over gRPC, with `ModelStreamInfer` and the
 * model repository calls. Source: spec `kserve.md` §4.4.
 *
 * For management, metadata and tests. The bytes of an inference call are never decoded with these: see `@modelmesh/wire/splice` and
 * `@modelmesh/wire/oip`.
 */
export * from '../gen/inference/grpc-predict-v2_pb.ts';
export { repositoryCallModel } from './repository-call.ts';
