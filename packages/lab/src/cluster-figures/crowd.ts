import { ModelMesh } from '@modelmesh/wire/mmesh';
import { isAnswer, isAnswerBody, numberedPath, requestBody, requestBytes } from '../chaos/index.ts';
import { type GrpcRequest, grpcRequest, type HttpRequest, httpRequest, SeededRandom, Zipf } from '../load/index.ts';
import type { NodeProcess } from '../node-process/index.ts';

/** Models of the null runtime of different sizes, called by Zipf's law. Equal plans make equal models and calls. */
export interface CrowdPlan {
  readonly models: number;
  readonly sizeBytesMin: number;
  readonly sizeBytesMax: number;
  readonly loadMs: number;
  readonly zipfExponent: number;
  readonly seed: number;
}

/** Calls of registered models; each knows the only right answer, which no other model gives. */
export interface Crowd {
  nextGrpc(): GrpcRequest;
  nextHttp(): HttpRequest;
}

const CALL_ID = 'crowd';

/** Registers the models at a node. @throws if one is refused */
export async function makeCrowd(node: NodeProcess, plan: CrowdPlan): Promise<Crowd> {
  const random = new SeededRandom(plan.seed);
  const models = Array.from({ length: plan.models }, (_, number) => {
    const sizeBytes = plan.sizeBytesMin + random.below(plan.sizeBytesMax - plan.sizeBytesMin + 1);
    return { key: `crowd-${number}`, number, sizeBytes };
  });
  for (const { key, number, sizeBytes } of models) {
    const path = numberedPath(`size ${sizeBytes}; slow ${plan.loadMs}`, number);
    await node.client.unary(ModelMesh.method.registerModel, { modelId: key, modelInfo: { type: 'null', path } });
  }
  const zipf = new Zipf(models.length, plan.zipfExponent);
  const grpc = models.map(({ key, number }) =>
    grpcRequest('/inference.GRPCInferenceService/ModelInfer', requestBytes({ key }, CALL_ID), [], (bytes) =>
      isAnswer(bytes, { number }, CALL_ID),
    ),
  );
  const http = models.map(({ key, number }) =>
    httpRequest(`/v2/models/${key}/infer`, Buffer.from(requestBody(CALL_ID)), {}, (body) =>
      isAnswerBody(body.toString(), { number }, CALL_ID),
    ),
  );
  const next = <Request>(of: readonly Request[]): Request => {
    const request = of[zipf.rankOf(random.share())];
    if (request === undefined) throw new Error('a crowd without models');
    return request;
  };
  return { nextGrpc: () => next(grpc), nextHttp: () => next(http) };
}
