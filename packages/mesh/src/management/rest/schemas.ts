import type { RuleOutcome } from '@modelmesh/core/traffic';
import type {
  AppliedView,
  ChangesView,
  CopyView,
  DecisionsView,
  DecisionView,
  EditView,
  EndpointView,
  ErrorView,
  EventView,
  ExplanationView,
  InstanceView,
  ModelView,
  PageView,
  PolicyView,
  PreviewedCallView,
  PreviewView,
  RevisionView,
  StatusView,
} from '@modelmesh/sdk/client';
import { z } from 'zod';
import { diffs } from './diff-view.ts';
import { inferenceService } from './inference-service-schema.ts';

/** Items of a page unless the caller asks for another number. */
export const PAGE_ITEMS_DEFAULT = 100;
/** Most items of one page. */
export const PAGE_ITEMS_MAX = 1000;

const instant = z.iso.datetime().nullable();
const count = z.int().nonnegative();

const copyState = z.enum(['LOADING', 'LOADED', 'LOADING_FAILED', 'UNKNOWN']);
const modelState = z.enum(['NOT_FOUND', 'NOT_LOADED', 'LOADING', 'LOADED', 'LOADING_FAILED', 'UNKNOWN']);

const copy = z.strictObject({
  model: z.string(),
  instance: z.string(),
  status: copyState,
  since: instant,
  error: z.string().nullable(),
}) satisfies z.ZodType<CopyView>;

const model = z.strictObject({
  key: z.string(),
  family: z.string().nullable(),
  version: z.string().nullable(),
  type: z.string(),
  path: z.string(),
  format: z.strictObject({ name: z.string(), version: z.string().nullable() }).nullable(),
  labels: z.record(z.string(), z.string()),
  sha256: z.string().nullable(),
  status: modelState,
  errors: z.array(z.string()),
  copies: z.array(copy),
  memory: z.strictObject({
    declaredBytes: count.nullable(),
    predictedBytes: count.nullable(),
    measuredBytes: count.nullable(),
    highWaterBytes: count.nullable(),
    bookedBytes: count.nullable(),
  }),
  copiesPolicy: z.strictObject({
    min: count,
    max: count.nullable(),
    pin: z.boolean(),
    idleAfterMs: z.number().nonnegative().nullable(),
  }),
  retry: z.enum(['safe', 'never']),
  references: count,
  autoDelete: z.boolean(),
  lastUsedAt: instant,
  createdAt: instant,
  generation: count,
}) satisfies z.ZodType<ModelView>;

const policy = z.strictObject({
  revision: count,
  default: z.string(),
  variants: z.array(
    z.strictObject({
      name: z.string(),
      model: z.string(),
      weight: z.number().nonnegative(),
      sharePercent: z.number().min(0).max(100),
      labels: z.array(z.string()),
      concurrency: z.int().positive().nullable(),
      failure: z.string().nullable(),
    }),
  ),
  spec: z.looseObject({}).describe('the whole policy, as the spec of an Endpoint manifest that can be applied again'),
}) satisfies z.ZodType<PolicyView>;

const endpoint = z.strictObject({
  name: z.string(),
  owner: z.string(),
  status: z.enum(['DEFINED', 'TRANSITIONING', 'TRANSITION_FAILED']),
  activeModel: z.string(),
  targetModel: z.string(),
  policy: policy.nullable(),
}) satisfies z.ZodType<EndpointView>;

const instance = z.strictObject({
  id: z.string(),
  startedAt: instant,
  location: z.string(),
  zone: z.string(),
  labels: z.array(z.string()),
  models: count,
  capacityBytes: count,
  usedBytes: count,
  loadingThreads: count,
  loadsInProgress: count,
  requestsPerMinute: z.number().nonnegative(),
  leastRecentUseAt: instant,
  shuttingDown: z.boolean(),
  incarnation: z.string().nullable(),
}) satisfies z.ZodType<InstanceView>;

const event = z.strictObject({
  id: count,
  at: z.iso.datetime(),
  kind: z.string(),
  model: z.string().nullable(),
  endpoint: z.string().nullable(),
  message: z.string(),
  fields: z.record(z.string(), z.union([z.string(), z.number(), z.boolean()])),
}) satisfies z.ZodType<EventView>;

const variantShare = z.strictObject({ model: z.string(), weight: z.number().nonnegative(), percent: z.number().min(0).max(100) });

const changes = z.strictObject({
  text: z.string(),
  variants: z.array(z.strictObject({ name: z.string(), before: variantShare.nullable(), after: variantShare.nullable() })),
  moved: z.array(z.strictObject({ from: z.string(), to: z.string(), percent: z.number().min(0).max(100) })),
  movedPercent: z.number().min(0).max(100),
  rules: z.strictObject({ added: z.array(z.string()), removed: z.array(z.string()), changed: z.array(z.string()) }),
  fields: z.array(z.string()),
  referenced: z.array(z.string()),
  unreferenced: z.array(z.string()),
}) satisfies z.ZodType<ChangesView>;

const edit = z.strictObject({
  revision: count,
  changes,
  acknowledged: z.array(z.string()).nullable(),
  missing: z.array(z.strictObject({ instance: z.string(), why: z.string() })),
}) satisfies z.ZodType<EditView>;

const applied = z.strictObject({
  kind: z.enum(['Model', 'Endpoint', 'InferenceService']),
  name: z.string(),
  change: z.enum(['created', 'configured', 'unchanged']),
  warnings: z.array(z.string()),
  edit: edit.nullable(),
}) satisfies z.ZodType<AppliedView>;

const revision = z.strictObject({
  revision: count,
  inForce: z.boolean(),
  createdAt: instant,
  owner: z.string(),
  policy,
  changes: changes.nullable(),
}) satisfies z.ZodType<RevisionView>;

const texts = z.record(z.string(), z.string());

const previewedCall = z.strictObject({
  headers: texts.default({}),
  query: texts.default({}),
  path: z.string().default(''),
  method: z.string().default('POST'),
  tenant: z.string().default(''),
  client: z.string().default(''),
  payload: texts.default({}),
  unit: z.string().nullable().default(null),
}) satisfies z.ZodType<PreviewedCallView>;

const outcomes = ['matched', 'not-matched', 'no-such-key', 'cost-exceeded', 'other'] as const satisfies RuleOutcome[];

const preview = z.strictObject({
  endpoint: z.string(),
  revision: count,
  variant: z.string(),
  model: z.string(),
  reason: z.string(),
  rule: z.string().nullable(),
  byChance: z.boolean(),
  rules: z.array(z.strictObject({ name: z.string(), when: z.string(), outcome: z.enum(outcomes) })),
  unit: z.string().nullable(),
  slot: count.nullable(),
  variants: z.array(
    z.strictObject({ name: z.string(), model: z.string(), percent: z.number().min(0).max(100), available: z.boolean() }),
  ),
  mirrors: z.array(z.strictObject({ to: z.string(), percent: z.number().min(0).max(100) })),
  fallback: z.string().nullable(),
  status: modelState,
  copies: z.array(z.strictObject({ instance: z.string(), status: copyState })),
}) satisfies z.ZodType<PreviewView>;

const status = z.strictObject({
  name: z.string(),
  version: z.string(),
  ready: z.boolean(),
  instances: count,
}) satisfies z.ZodType<StatusView>;

const decision = z.strictObject({
  id: count,
  madeBy: z.string(),
  at: z.iso.datetime(),
  kind: z.enum(['placement', 'eviction', 'refusal', 'route', 'choice', 'scale', 'runtime']),
  model: z.string().nullable(),
  models: z.array(z.string()),
  instance: z.string().nullable(),
  requestId: z.string().nullable(),
  because: z.string(),
  details: z.record(z.string(), z.unknown()),
}) satisfies z.ZodType<DecisionView>;

const explanation = z.strictObject({
  model: z.string(),
  records: z.array(decision),
  unanswered: z.array(z.string()),
}) satisfies z.ZodType<ExplanationView>;

/** Only described here: what a manifest may hold is checked by its reader, which reports everything that is wrong at once. */
const manifest = z.looseObject({
  apiVersion: z.enum(['modelmesh.io/v1alpha1', 'serving.kserve.io/v1beta1']),
  kind: z.enum(['Model', 'Endpoint', 'InferenceService']),
  metadata: z.looseObject({ name: z.string(), namespace: z.string().optional() }),
  spec: z.looseObject({}),
});

const error = z.strictObject({ error: z.string(), kind: z.string() }) satisfies z.ZodType<ErrorView>;

const pageOf = <Item extends z.ZodType>(item: Item) =>
  z.strictObject({ items: z.array(item), next: z.string().nullable() }) satisfies z.ZodType<PageView<z.infer<Item>>>;

/** Every schema of the API, by the name it has in the OpenAPI document. */
export const SCHEMAS = {
  Applied: applied,
  Decisions: z.strictObject({ records: z.array(decision), unanswered: z.array(z.string()) }) satisfies z.ZodType<DecisionsView>,
  Diffs: diffs,
  Copies: z.strictObject({ items: z.array(copy) }),
  Copy: copy,
  Endpoint: endpoint,
  Endpoints: pageOf(endpoint),
  Error: error,
  Event: event,
  Explanation: explanation,
  InferenceService: inferenceService,
  Instance: instance,
  Instances: z.strictObject({ items: z.array(instance) }),
  Manifest: manifest,
  Model: model,
  Models: pageOf(model),
  OpenApi: z.looseObject({ openapi: z.string(), paths: z.looseObject({}) }),
  Policy: policy,
  Preview: preview,
  PreviewedCall: previewedCall,
  Revisions: z.strictObject({ items: z.array(revision) }),
  Status: status,
} as const satisfies Record<string, z.ZodType>;

/** Name of a schema of the API. */
export type SchemaName = keyof typeof SCHEMAS;

const flag = z.enum(['true', 'false']);

/** How long an edit of an endpoint waits for all nodes unless the caller asks for another time. */
export const POLICY_WAIT_DEFAULT_MS = 10_000;
/** The longest such wait. */
export const POLICY_WAIT_MAX_MS = 600_000;

const EDIT_QUERY = {
  dryRun: flag.default('false').describe('whether to say only what would change'),
  waitMs: z.coerce
    .number()
    .int()
    .min(0)
    .max(POLICY_WAIT_MAX_MS)
    .default(POLICY_WAIT_DEFAULT_MS)
    .describe('how long the answer waits until all nodes run the policy; 0: not at all'),
  revision: z.coerce
    .number()
    .int()
    .min(0)
    .optional()
    .describe('the revision that the edit was made from, 0 for none; another one in force is not overwritten'),
};

/** Query parameters, by the name of the set. Every value is text; what is read from it is said by its schema. */
export const QUERIES = {
  none: z.strictObject({}),
  page: z.strictObject({
    after: z.string().min(1).optional().describe('only names after this one'),
    limit: z.coerce.number().int().min(1).max(PAGE_ITEMS_MAX).default(PAGE_ITEMS_DEFAULT).describe('items of the page'),
  }),
  edit: z.strictObject(EDIT_QUERY),
  undo: z.strictObject({
    to: z.coerce.number().int().min(1).optional().describe('revision to go back to; the one before the present one unless given'),
    ...EDIT_QUERY,
  }),
  load: z.strictObject({ wait: flag.default('true').describe('whether the answer waits for the load') }),
  deleteEndpoint: z.strictObject({
    owner: z.string().optional().describe('owner of a vmodel that no manifest made; empty for one without an owner'),
  }),
  events: z.strictObject({
    after: z.coerce.number().int().min(0).optional().describe('the last event that is known; as the Last-Event-ID header'),
    follow: flag.default('true').describe('whether to wait for further events'),
  }),
} as const satisfies Record<string, z.ZodObject>;

/** Name of a set of query parameters. */
export type QueryName = keyof typeof QUERIES;
