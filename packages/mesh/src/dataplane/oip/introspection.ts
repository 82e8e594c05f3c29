import type { GrpcRouter } from '@modelmesh/grpc/call';
import { addHealth, HealthBoard } from '@modelmesh/grpc/health';
import { addReflection } from '@modelmesh/grpc/reflection';
import { descriptorSetBytes, Health, reflectionV1, reflectionV1Alpha } from '@modelmesh/wire/grpc-services';

/** What health and reflection tell of a listener. */
export interface IntrospectionOptions {
  /** Full names of the services that the listener offers besides health and reflection, and whose health is kept by name. */
  readonly services: readonly string[];
}

/** Health and reflection of one listener. */
export interface Introspection {
  /** To be called when the node becomes ready or unready: health follows `control.ready`. */
  readyChanged(): void;
  /** To be called when the node takes no more calls: nothing is serving any more, and watches of health end. */
  close(): void;
}

/** Serves `grpc.health.v1` and reflection (v1 and v1alpha). `SERVING` means that the node is ready. */
export function serveIntrospection(
  router: GrpcRouter,
  control: { readonly ready: boolean },
  { services }: IntrospectionOptions,
): Introspection {
  const board = new HealthBoard();
  const readyChanged = (): void => {
    const health = control.ready ? 'serving' : 'not-serving';
    for (const service of ['', ...services]) board.set(service, health);
  };
  readyChanged();
  addHealth(router, board);
  const own = [Health, reflectionV1.ServerReflection, reflectionV1Alpha.ServerReflection].map(({ typeName }) => typeName);
  const offered = [...services, ...own];
  addReflection(router, { descriptorSet: descriptorSetBytes(), services: () => offered });
  return { readyChanged, close: () => board.close() };
}
