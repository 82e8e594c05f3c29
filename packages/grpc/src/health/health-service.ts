import { MeshError } from '@modelmesh/core';
import { Health as HealthService } from '@modelmesh/wire/grpc-services';
import type { GrpcRouter } from '../call/index.ts';
import type { HealthBoard } from './health-board.ts';

/** Serves `grpc.health.v1.Health` from a board. Source: gRPC's health checking protocol. */
export function addHealth(router: GrpcRouter, board: HealthBoard): void {
  router.service(HealthService, {
    check: ({ service }) => {
      const status = board.statusOf(service);
      if (status === undefined) throw new MeshError('not-found', `the health of service ${JSON.stringify(service)} is not known`);
      return { status };
    },
    watch: async function* ({ service }, { signal }) {
      for await (const status of board.watch(service, signal)) yield { status };
    },
    list: () => ({ statuses: board.all() }),
  });
}
