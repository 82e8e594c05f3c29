import type { DescMessage, MessageInitShape, MessageShape } from '@bufbuild/protobuf';
import { type Method, protobufMethod, type TypedDesc } from '@modelmesh/grpc/call';
import { LEGACY_RUNTIME_SERVICE, ModelRuntime } from '@modelmesh/wire/mmesh';

/** The methods of the contract between a node and a runtime (spec `modelmesh.md` §1.3), under the name that a runtime serves them by. */
export type RuntimeContract = ReturnType<typeof contractAs>;

/** The contract under its name. */
export const RUNTIME_CONTRACT = contractAs(ModelRuntime.typeName);
/** The same methods and messages under the name that runtimes of old serve (spec `modelmesh.md` §1.4). */
export const LEGACY_RUNTIME_CONTRACT: RuntimeContract = contractAs(LEGACY_RUNTIME_SERVICE);

function contractAs(service: string) {
  const named = <I extends DescMessage, O extends DescMessage>(
    desc: TypedDesc<I, O, 'unary'>,
  ): Method<MessageShape<I>, MessageInitShape<I>, MessageShape<O>, MessageInitShape<O>> => ({
    ...protobufMethod(desc),
    path: `/${service}/${desc.name}`,
  });
  const { runtimeStatus, loadModel, unloadModel, predictModelSize, modelSize } = ModelRuntime.method;
  return {
    runtimeStatus: named(runtimeStatus),
    loadModel: named(loadModel),
    unloadModel: named(unloadModel),
    predictModelSize: named(predictModelSize),
    modelSize: named(modelSize),
  };
}
