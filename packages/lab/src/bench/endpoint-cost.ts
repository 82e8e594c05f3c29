import { randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { RestClient } from '@modelmesh/sdk/client';
import { loadNull, registerNull, startNullNode } from '../burst/index.ts';
import { digits, judged, pairedRatios, type Spread, spreadOf, type Table } from '../figures/index.ts';
import { type GrpcRequest, grpcRequest, runGrpcLoad } from '../load/index.ts';
import { connectGrpc, freeFolder, type NodeProcess, splitAddress } from '../node-process/index.ts';
import { costOf, type Subject } from './subject.ts';

/** How long a bench of endpoints is. */
export interface EndpointCostPlan {
  /** Runs of each way, in turns. */
  readonly rounds: number;
  /** Calls of one run. */
  readonly calls: number;
}

/** CPU of the node for calls through an endpoint, beside calls of its models by their keys. */
export interface EndpointCost {
  readonly name: string;
  readonly plainUs: number;
  readonly endpointUs: number;
  readonly cpuRatio: Spread;
  readonly ratioMax: number;
}

/** What calls may cost at most by weights, sticky units and indexable rules, in CPU of those by key. */
export const PLAIN_RATIO_MAX = 1.1;
/** And with signed tokens. */
export const TOKEN_RATIO_MAX = 1.25;

const CONNECTIONS = 4;
const STREAMS = 8;
const MESSAGE = Buffer.alloc(256, 1);
const ECHO_PATH = '/bench.Endpoints/Echo';
/** Calls of a node after its start, until what they run is compiled. */
const WARM_CALLS = 25_000;
/** Clients that differ by their headers. */
const CLIENTS = 256;
const MODELS = ['stable', 'canary'] as const;
const KEY_BYTES = 32;

interface Situation {
  readonly name: string;
  readonly spec: Readonly<Record<string, unknown>>;
  readonly ratioMax: number;
}

const base = { default: 'stable', variants: MODELS.map((name) => ({ name, model: name, weight: 50 })) };
const TEN_RULES = Array.from({ length: 10 }, (_, at) => ({
  name: `r${at}`,
  when:
    at % 2 === 0
      ? `header["x-region"] == "none-${at}"`
      : `header["x-region"].startsWith("none-${at}") && header["x-tier"] == "gold"`,
  to: 'canary',
}));
const SITUATIONS: readonly Situation[] = [
  { name: 'weights', spec: base, ratioMax: PLAIN_RATIO_MAX },
  { name: 'sticky by a header', spec: { ...base, sticky: { by: 'header["x-user-id"]' } }, ratioMax: PLAIN_RATIO_MAX },
  { name: 'ten indexable rules', spec: { ...base, rules: TEN_RULES }, ratioMax: PLAIN_RATIO_MAX },
  { name: 'signed tokens', spec: { ...base, sticky: { token: { header: 'x-sticky' } } }, ratioMax: TOKEN_RATIO_MAX },
];

/** Measures calls through each endpoint in turns with the same calls by the models' keys. Both bring the same fields, which differ by client. */
export async function runEndpointCost(
  { rounds, calls }: EndpointCostPlan,
  tell: (line: string) => void = () => {},
): Promise<readonly EndpointCost[]> {
  await using folder = await freeFolder();
  const keys = join(folder.path, 'token-keys');
  writeFileSync(keys, `k:${randomBytes(KEY_BYTES).toString('base64')}\n`, { mode: 0o600 });
  await using node = await startNullNode({ 'tokens-keys': keys });
  for (const model of MODELS) {
    await registerNull(node, model, '');
    await loadNull(node, model);
  }
  const costs: EndpointCost[] = [];
  for (const [at, { name, spec, ratioMax }] of SITUATIONS.entries()) {
    const endpoint = `bench-${at}`;
    const metadata = { name: endpoint };
    await new RestClient(node.url).apply({ apiVersion: 'modelmesh.io/v1alpha1', kind: 'Endpoint', metadata, spec });
    const tokens = name === 'signed tokens' ? await tokensOf(node, endpoint) : [];
    const fieldsOf = (client: number): readonly string[] => [
      ...['x-user-id', `user-${client}`, 'x-region', `r-${client % 7}`],
      ...['x-sticky', tokens[client] ?? 'none'],
    ];
    const ways = [
      subjectOf(node, 'mm-model-id', MODELS, fieldsOf),
      subjectOf(node, 'mm-vmodel-id', [endpoint], fieldsOf),
    ] as const;
    const pressure = { connections: CONNECTIONS, streamsPerConnection: STREAMS, calls };
    for (const way of ways) await costOf(way, { ...pressure, calls: WARM_CALLS });
    const [plain, through]: [number[], number[]] = [[], []];
    for (let round = 0; round < rounds; round++) {
      // Whoever comes first in a round is not the same in the next.
      const order = round % 2 === 0 ? [0, 1] : [1, 0];
      for (const which of order) (which === 0 ? plain : through).push((await costOf(ways[which] ?? ways[0], pressure)).cpuUs);
    }
    const cpuRatio = spreadOf(pairedRatios(through, plain));
    costs.push({ name, plainUs: spreadOf(plain).median, endpointUs: spreadOf(through).median, cpuRatio, ratioMax });
    tell(`${name}: ${cpuRatio.median.toFixed(3)}`);
  }
  return costs;
}

/** Whether every endpoint costs as little as it should, or at most `leeway` times more. */
export const endpointCostHolds = (costs: readonly EndpointCost[], leeway = 1): boolean =>
  costs.every(({ cpuRatio, ratioMax }) => cpuRatio.median <= 1 + (ratioMax - 1) * leeway);

/** What an endpoint adds to a call, a line for each way to decide. */
export function endpointCostTable(costs: readonly EndpointCost[]): Table {
  return {
    title:
      'Calls through an endpoint of two variants against calls of its two models by their keys: CPU of the node, 256 B, 4 × 8 calls at a time, 256 header blocks',
    columns: ['', 'CPU µs by key', 'by endpoint', 'ratio', 'aim'],
    rows: costs.map(({ name, plainUs, endpointUs, cpuRatio: { median, min, max }, ratioMax }) => [
      name,
      digits(plainUs),
      digits(endpointUs),
      judged(`${digits(median)} (${digits(min)}–${digits(max)})`, median <= ratioMax),
      digits(ratioMax),
    ]),
  };
}

/** @param ids each client calls all of them in turn */
function subjectOf(
  node: NodeProcess,
  field: string,
  ids: readonly string[],
  fieldsOf: (client: number) => readonly string[],
): Subject {
  const requests: readonly GrpcRequest[] = ids.flatMap((id) =>
    Array.from({ length: CLIENTS }, (_, client) =>
      grpcRequest(ECHO_PATH, MESSAGE, [field, id, ...fieldsOf(client)], (answer) => MESSAGE.equals(answer)),
    ),
  );
  const [host, port] = splitAddress(node.addresses.inference);
  let turn = 0;
  const next = (): GrpcRequest => {
    turn = (turn + 1) % requests.length;
    return requests[turn] as GrpcRequest;
  };
  return {
    name: field,
    pids: () => [node.pid],
    drive: async ({ connections, streamsPerConnection, calls }) => {
      const links = Array.from({ length: connections }, () => connectGrpc({ kind: 'tcp', host, port: Number(port) }));
      const end = { kind: 'calls', count: calls } as const;
      const result = await runGrpcLoad({
        connections: links.map(({ connection }) => connection),
        streamsPerConnection,
        end,
        next,
      });
      for (const link of links) link.close();
      return result;
    },
  };
}

/** A token for each client, as its first call is given. */
async function tokensOf(node: NodeProcess, endpoint: string): Promise<readonly string[]> {
  const tokens: string[] = [];
  const body = JSON.stringify({ inputs: [{ name: 'x', datatype: 'INT64', shape: [1], data: [0] }] });
  for (let client = 0; client < CLIENTS; client++) {
    const headers = { 'content-type': 'application/json' };
    const response = await fetch(`${node.url}/v2/models/${endpoint}/infer`, { method: 'POST', headers, body });
    await response.arrayBuffer();
    tokens.push(response.headers.get('x-sticky') ?? '');
  }
  if (tokens.includes('')) throw new Error('a first call was given no token');
  return tokens;
}
