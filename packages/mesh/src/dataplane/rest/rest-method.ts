/** The methods of the runtime that REST calls, by the names under which metrics and rules know them. */
export const METHOD = {
  infer: 'inference.GRPCInferenceService/ModelInfer',
  streamInfer: 'inference.GRPCInferenceService/ModelStreamInfer',
  metadata: 'inference.GRPCInferenceService/ModelMetadata',
} as const;

/** One of {@link METHOD}. */
export type RestMethod = (typeof METHOD)[keyof typeof METHOD];
