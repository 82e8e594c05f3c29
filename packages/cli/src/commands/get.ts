import { assertNever, MeshError } from '@modelmesh/core';
import { ENDPOINT_MANIFEST_OWNER } from '@modelmesh/core/endpoints';
import { MESH_API_VERSION } from '@modelmesh/core/manifest';
import type { CopyView, EndpointView, InstanceView, ModelView, RestClient } from '@modelmesh/sdk/client';
import type { Command } from 'commander';
import { stringify } from 'yaml';
import type { Cli } from '../cli.ts';
import { ageText, bytesText, type Column, type Format, printTable, printValue, withProgress } from '../output/index.ts';
import { type ServerOptions, withOutput, withRest, withServer } from '../session.ts';
import type { CliWorld } from '../world.ts';
import { kindOf } from './kind.ts';

/** Kinds that can be listed. */
const LISTED = ['models', 'endpoints', 'instances', 'copies'] as const;

/** `mmesh get KIND [NAME]`. */
export function addGet(program: Command, cli: Cli): void {
  const command = program
    .command('get')
    .summary('list models, endpoints, instances or copies')
    .description('Lists what there is of a kind, or the one that is named; copies: of the model that is named, or of all.')
    .argument('<kind>', LISTED.join(', '))
    .argument('[name]', 'key of a model, name of an endpoint, id of an instance');
  command.option('--manifest', 'print the manifest of the endpoint that is named, as it can be edited and applied again');
  withOutput(withServer(command)).action((word: string, name: string | undefined, options: GetOptions) =>
    withRest(cli.world, options, (rest) => get({ cli, rest, options }, word, name)),
  );
}

interface GetOptions extends ServerOptions {
  readonly output: Format;
  readonly manifest?: boolean;
}

interface Get {
  readonly cli: Cli;
  readonly rest: RestClient;
  readonly options: GetOptions;
}

async function get(request: Get, word: string, name: string | undefined): Promise<void> {
  const { world } = request.cli;
  const { rest } = request;
  const kind = kindOf(word, LISTED);
  const signal = { signal: world.interrupted };
  if (request.options.manifest === true) {
    if (kind !== 'endpoints' || name === undefined)
      throw new MeshError('invalid-argument', '--manifest is of one endpoint: name it');
    world.out.write(endpointManifest(await rest.endpoint(name, signal)));
    return;
  }
  switch (kind) {
    case 'models': {
      const found = await list(
        world,
        kind,
        name,
        () => rest.models(signal),
        (key) => rest.model(key, signal),
      );
      print(request, found, name, modelColumns(world), 'no model is registered: "mmesh apply -f model.yaml" registers one');
      return;
    }
    case 'endpoints': {
      const found = await list(
        world,
        kind,
        name,
        () => rest.endpoints(signal),
        (id) => rest.endpoint(id, signal),
      );
      print(request, found, name, ENDPOINT_COLUMNS, 'there is no endpoint');
      return;
    }
    case 'instances': {
      const instances = await rest.instances(signal);
      const found = name === undefined ? instances : [instanceNamed(instances, name)];
      print(request, found, name, instanceColumns(world), 'there is no instance');
      return;
    }
    case 'copies':
      print(request, await copiesOf(request, name), undefined, copyColumns(world), 'no model is loaded');
      return;
    default:
      assertNever(kind);
  }
}

/** The manifest that says an endpoint's policy. @throws {MeshError} `failed-precondition` for one that another kind of manifest made, or none */
function endpointManifest({ name, owner, policy }: EndpointView): string {
  if (policy === null || owner !== ENDPOINT_MANIFEST_OWNER) {
    const is = policy === null ? 'is a vmodel without a policy' : `is made by another kind of manifest, its owner is "${owner}"`;
    throw new MeshError('failed-precondition', `endpoint ${name} ${is}`);
  }
  return stringify({ apiVersion: MESH_API_VERSION, kind: 'Endpoint', metadata: { name }, spec: policy.spec });
}

const list = <View>(
  world: CliWorld,
  kind: string,
  name: string | undefined,
  all: () => AsyncIterable<View>,
  one: (name: string) => Promise<View>,
): Promise<readonly View[]> =>
  withProgress(world, `reading ${kind}`, async () => (name === undefined ? Array.fromAsync(all()) : [await one(name)]));

/** A thing that was named is told as itself, a listing as a list. */
function print<View>(
  { cli, options }: Get,
  found: readonly View[],
  name: string | undefined,
  columns: readonly Column<View>[],
  nothing: string,
): void {
  const value = name === undefined ? found : found[0];
  printValue(cli.world, options.output, value, () => printTable(cli.world, columns, found, nothing));
}

/** The instance of that id. @throws {MeshError} `not-found` */
export function instanceNamed(instances: readonly InstanceView[], id: string): InstanceView {
  const found = instances.find((instance) => instance.id === id);
  if (found !== undefined) return found;
  const known = instances.map((instance) => instance.id).join(', ');
  throw new MeshError('not-found', `there is no instance ${JSON.stringify(id)}; there are ${known}`);
}

async function copiesOf({ cli, rest }: Get, name: string | undefined): Promise<readonly CopyView[]> {
  const signal = { signal: cli.world.interrupted };
  if (name !== undefined) return rest.copies(name, signal);
  const copies: CopyView[] = [];
  await withProgress(cli.world, 'reading copies', async () => {
    for await (const model of rest.models(signal)) copies.push(...model.copies);
  });
  return copies;
}

const modelColumns = (world: CliWorld): readonly Column<ModelView>[] => [
  { title: 'KEY', cell: ({ key }) => key },
  { title: 'STATUS', cell: ({ status }) => status },
  { title: 'COPIES', cell: ({ copies }) => String(copies.filter(({ status }) => status !== 'LOADING_FAILED').length) },
  { title: 'MEMORY', cell: ({ memory }) => bytesText(memory.bookedBytes ?? memory.declaredBytes) },
  { title: 'FORMAT', cell: ({ format, type }) => format?.name ?? type },
  { title: 'REFS', cell: ({ references }) => String(references) },
  { title: 'LAST USED', cell: ({ lastUsedAt }) => (lastUsedAt === null ? 'never' : ageText(lastUsedAt, world.clock.wallMs())) },
];

const ENDPOINT_COLUMNS: readonly Column<EndpointView>[] = [
  { title: 'NAME', cell: ({ name }) => name },
  { title: 'STATUS', cell: ({ status }) => status },
  { title: 'ACTIVE', cell: ({ activeModel }) => activeModel },
  { title: 'TARGET', cell: ({ activeModel, targetModel }) => (targetModel === activeModel ? '' : targetModel) },
  { title: 'OWNER', cell: ({ owner }) => owner },
  { title: 'SHARES', cell: ({ policy }) => sharesText(policy) },
];

/** `stable 90%, canary 10%`; nothing where one variant takes all. */
const sharesText = (policy: EndpointView['policy']): string => {
  if (policy === null || policy.variants.length < 2) return '';
  return policy.variants
    .map(
      ({ name, sharePercent, failure }) => `${name} ${Number(sharePercent.toFixed(2))}%${failure ? ' (cannot be loaded)' : ''}`,
    )
    .join(', ');
};

const instanceColumns = (world: CliWorld): readonly Column<InstanceView>[] => [
  { title: 'ID', cell: ({ id }) => id },
  { title: 'STATE', cell: ({ shuttingDown }) => (shuttingDown ? 'leaving' : 'up') },
  { title: 'MODELS', cell: ({ models }) => String(models) },
  { title: 'USED', cell: ({ usedBytes }) => bytesText(usedBytes) },
  { title: 'CAPACITY', cell: ({ capacityBytes }) => bytesText(capacityBytes) },
  { title: 'LOADING', cell: ({ loadsInProgress }) => String(loadsInProgress) },
  { title: 'LOCATION', cell: ({ location }) => location },
  { title: 'UP', cell: ({ startedAt }) => ageText(startedAt, world.clock.wallMs()) },
];

const copyColumns = (world: CliWorld): readonly Column<CopyView>[] => [
  { title: 'MODEL', cell: ({ model }) => model },
  { title: 'INSTANCE', cell: ({ instance }) => instance },
  { title: 'STATUS', cell: ({ status }) => status },
  { title: 'SINCE', cell: ({ since }) => ageText(since, world.clock.wallMs()) },
  { title: 'ERROR', cell: ({ error }) => error ?? '' },
];
