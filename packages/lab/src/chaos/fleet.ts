import { decodeInferResponse, encodeInferRequest, NO_PARAMETERS } from '@modelmesh/wire/oip';
import type { ClusterNode, ClusterProcess } from '../cluster-process/index.ts';
import { eventually } from '../faults/index.ts';

/** A model of the null runtime whose every answer says its number, because its path says so: no other model can give that answer. */
export interface FleetModel {
  readonly key: string;
  readonly number: number;
  /** How many copies it has, at most 1 or at least 2. */
  readonly copies: 1 | 2;
}

/** The models of a load: warm ones, and cold ones that are called for the first time while it runs. */
export interface Fleet {
  readonly warm: readonly FleetModel[];
  readonly cold: readonly FleetModel[];
}

/** How many models of each kind; a model takes 8 KiB and 50 ms to load. */
export interface FleetPlan {
  readonly oneCopy: number;
  readonly twoCopies: number;
  readonly cold: number;
}

const MODEL_PATH = 'size 8192; slow 50';
const APPLIES_AT_ONCE = 8;
const WARM_WITHIN_MS = 60_000;
/** `raw_output_contents` of a `ModelInferResponse` with eight bytes. */
const RAW_OUTPUT_OF_8_BYTES = '3208';
const INPUT = { name: 'x', datatype: 'INT64', shape: [1], parameters: NO_PARAMETERS, data: new Uint8Array(8) } as const;

/** Registers the fleet and loads its warm models until each has its copies. */
export async function makeFleet(cluster: ClusterProcess, plan: FleetPlan): Promise<Fleet> {
  const warm = [...models('one', plan.oneCopy, 1000, 1), ...models('two', plan.twoCopies, 2000, 2)];
  await register(cluster, warm);
  await warmUp(cluster, warm);
  return { warm, cold: await moreCold(cluster, plan.cold, 1) };
}

/** Registers models that nobody has called yet, others in each round, from 1. */
export async function moreCold(cluster: ClusterProcess, count: number, round: number): Promise<readonly FleetModel[]> {
  const cold = models(`cold-${round}`, count, 3000 + round * count, 1);
  await register(cluster, cold);
  return cold;
}

/** Loads models until each has its copies, whatever became of them before. */
export async function warmUp(cluster: ClusterProcess, warm: readonly FleetModel[]): Promise<void> {
  const nodeOf = (model: FleetModel): ClusterNode => cluster.node((model.number + 1) % cluster.nodes.length);
  await inTurns(warm, (model) => load(nodeOf(model), model));
  // The owner of a model makes its second copy when it next looks: they are waited for together.
  await Promise.all(
    warm.map((model) => eventually(`${model.key} has its copies`, WARM_WITHIN_MS, () => hasItsCopies(nodeOf(model), model))),
  );
}

const models = (kind: string, count: number, from: number, copies: 1 | 2): FleetModel[] =>
  Array.from({ length: count }, (_, at) => ({ key: `${kind}-${at}`, number: from + at, copies }));

const register = (cluster: ClusterProcess, fleet: readonly FleetModel[]): Promise<void> =>
  inTurns(fleet, (model) => apply(cluster.node(model.number % cluster.nodes.length), model));

/** The path of a model of the null runtime that does what `options` say, and whose every answer says this number. */
export const numberedPath = (options: string, number: number): string =>
  `${options}; append ${RAW_OUTPUT_OF_8_BYTES}${Buffer.from(numberBytes(number)).toString('hex')}`;

async function inTurns(models: readonly FleetModel[], each: (model: FleetModel) => Promise<void>): Promise<void> {
  const left = [...models];
  const lane = async (): Promise<void> => {
    for (let model = left.pop(); model !== undefined; model = left.pop()) await each(model);
  };
  await Promise.all(Array.from({ length: APPLIES_AT_ONCE }, lane));
}

async function apply(node: ClusterNode, { key, number, copies }: FleetModel): Promise<void> {
  const uri = numberedPath(MODEL_PATH, number);
  const spec = { format: { name: 'null' }, storage: { uri }, copies: copies === 1 ? { max: 1 } : { min: 2, max: 2 } };
  const response = await fetch(`${node.url}/api/v1/apply`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ apiVersion: 'modelmesh.io/v1alpha1', kind: 'Model', metadata: { name: key }, spec }),
  });
  if (!response.ok) throw new Error(`${key} was not applied: ${response.status} ${await response.text()}`);
  await response.arrayBuffer();
}

async function load(node: ClusterNode, { key }: FleetModel): Promise<void> {
  const response = await fetch(`${node.url}/api/v1/models/${key}:load`, { method: 'POST' });
  if (!response.ok) throw new Error(`${key} was not loaded: ${response.status} ${await response.text()}`);
  await response.arrayBuffer();
}

async function hasItsCopies(node: ClusterNode, { key, copies }: FleetModel): Promise<true | undefined> {
  const response = await fetch(`${node.url}/api/v1/models/${key}`);
  if (!response.ok) return undefined;
  const seen = (await response.json()) as { readonly copies: readonly { readonly status: string }[] };
  return seen.copies.filter(({ status }) => status === 'LOADED').length >= copies ? true : undefined;
}

function numberBytes(number: number): Uint8Array {
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setBigInt64(0, BigInt(number), true);
  return bytes;
}

/** A `ModelInferRequest`; its `id` comes back with the answer. */
export const requestBytes = (model: Pick<FleetModel, 'key'>, id: string): Buffer =>
  Buffer.concat(
    encodeInferRequest({ modelName: model.key, modelVersion: '', id, parameters: NO_PARAMETERS, inputs: [INPUT], outputs: [] }),
  );

/** Whether that is the answer of this model to this request. */
export function isAnswer(bytes: Uint8Array, model: Pick<FleetModel, 'number'>, id: string): boolean {
  const answer = decodeInferResponse(bytes);
  const [output] = answer.outputs;
  return answer.id === id && output !== undefined && Buffer.from(numberBytes(model.number)).equals(output.data);
}

/** The same request for REST. */
export const requestBody = (id: string): string =>
  JSON.stringify({ id, inputs: [{ name: INPUT.name, datatype: INPUT.datatype, shape: INPUT.shape, data: [0] }] });

/** Whether that is the answer of this model to this request, of REST. */
export function isAnswerBody(body: string, model: Pick<FleetModel, 'number'>, id: string): boolean {
  const answer = JSON.parse(body) as { readonly id?: string; readonly outputs?: readonly { readonly data: readonly number[] }[] };
  return answer.id === id && answer.outputs?.[0]?.data[0] === model.number;
}

/** What the runtime makes of one message of a stream: the message, and the model's number. */
export const echoOf = (message: Buffer, model: FleetModel): Buffer =>
  Buffer.concat([message, Buffer.from(RAW_OUTPUT_OF_8_BYTES, 'hex'), numberBytes(model.number)]);
