import { assertNever, MeshError } from '@modelmesh/core';
import type { Resource } from '@modelmesh/core/manifest';
import type { RestClient } from '@modelmesh/sdk/client';
import type { Command } from 'commander';
import type { Cli } from '../cli.ts';
import { fail } from '../failure.ts';
import { readManifests } from '../manifests/index.ts';
import { type ServerOptions, withRest, withServer } from '../session.ts';
import { kindOf } from './kind.ts';

const DELETED = ['models', 'endpoints', 'inference-services'] as const;
type Deleted = (typeof DELETED)[number];

const KIND_OF_RESOURCE = {
  Model: 'models',
  Endpoint: 'endpoints',
  InferenceService: 'inference-services',
} as const satisfies Record<Resource['kind'], Deleted>;

/** `mmesh delete KIND NAME…` and `mmesh delete -f`. */
export function addDelete(program: Command, cli: Cli): void {
  const command = program
    .command('delete')
    .summary('remove models, endpoints or inference services')
    .description('Removes what is named, or everything that manifests describe: endpoints before the models that they refer to.')
    .argument('[kind]', DELETED.join(', '))
    .argument('[names...]', 'what to remove')
    .option('-f, --file <path...>', 'manifests of what to remove: file, folder, or - for the standard input')
    .option('--owner <owner>', 'owner of a vmodel that no manifest made')
    .option('--ignore-not-found', 'what is not there counts as removed');
  withServer(command).action(async (word: string | undefined, names: readonly string[], options: DeleteOptions) => {
    const targets = await targetsOf(cli, word, names, options);
    await withRest(cli.world, options, (rest) => deleteAll(cli, rest, targets, options));
  });
}

interface DeleteOptions extends ServerOptions {
  readonly file?: readonly string[];
  readonly owner?: string;
  readonly ignoreNotFound?: boolean;
}

interface Target {
  readonly kind: Deleted;
  readonly name: string;
}

async function targetsOf(
  cli: Cli,
  word: string | undefined,
  names: readonly string[],
  { file }: DeleteOptions,
): Promise<readonly Target[]> {
  const byName = word !== undefined && names.length > 0;
  if (byName === (file !== undefined)) throw new MeshError('invalid-argument', 'give either a kind with names, or -f');
  if (byName) return names.map((name) => ({ kind: kindOf(word, DELETED), name }));
  const manifests = await readManifests(cli.world, file ?? []);
  return manifests.toReversed().map(({ resource }) => ({
    kind: KIND_OF_RESOURCE[resource.kind],
    name: resource.kind === 'Model' ? resource.key : resource.metadata.name,
  }));
}

async function deleteAll(cli: Cli, rest: RestClient, targets: readonly Target[], options: DeleteOptions): Promise<void> {
  for (const target of targets) {
    try {
      await deleteOne(cli, rest, target, options);
      cli.world.out.write(`${target.kind} ${target.name} deleted\n`);
    } catch (error) {
      const isGone = error instanceof MeshError && NOT_FOUND.includes(error.kind);
      if (!(isGone && options.ignoreNotFound === true)) fail(cli, error, `${target.kind} ${target.name}`);
    }
  }
}

const NOT_FOUND: readonly MeshError['kind'][] = ['not-found', 'model-not-found', 'endpoint-not-found'];

function deleteOne({ world }: Cli, rest: RestClient, { kind, name }: Target, { owner }: DeleteOptions): Promise<void> {
  const signal = world.interrupted;
  switch (kind) {
    case 'models':
      return rest.deleteModel(name, { signal });
    case 'endpoints':
      return rest.deleteEndpoint(name, owner === undefined ? { signal } : { owner, signal });
    case 'inference-services':
      return rest.deleteInferenceService(name, { signal });
    default:
      return assertNever(kind);
  }
}
