import type { InferenceServiceView } from '@modelmesh/sdk/client';
import { z } from 'zod';

const state = z.enum(['Pending', 'Standby', 'Loading', 'Loaded', 'FailedToLoad']);
const percent = z.number().min(0).max(100);

/** What OpenAPI says of the status of an InferenceService. */
export const inferenceService = z.strictObject({
  name: z.string(),
  components: z.strictObject({
    predictor: z.strictObject({
      latestCreatedRevision: z.string(),
      latestReadyRevision: z.string(),
      latestRolledoutRevision: z.string(),
      previousRolledoutRevision: z.string().nullable(),
      traffic: z.array(
        z.strictObject({ revisionName: z.string(), percent, latestRevision: z.boolean(), tag: z.string().nullable() }),
      ),
    }),
  }),
  modelStatus: z.strictObject({
    transitionStatus: z.enum(['UpToDate', 'InProgress', 'BlockedByFailedLoad']),
    states: z.strictObject({ activeModelState: state, targetModelState: state }),
    copies: z.strictObject({ totalCopies: z.int().nonnegative(), failedCopies: z.int().nonnegative() }),
    lastFailureInfo: z
      .strictObject({ reason: z.literal('ModelLoadFailed'), message: z.string(), modelRevisionName: z.string() })
      .nullable(),
  }),
  canaryStatuses: z.array(z.strictObject({ name: z.string(), ready: z.boolean(), trafficPercent: percent })),
}) satisfies z.ZodType<InferenceServiceView>;
