import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { MeshError } from '@modelmesh/core';
import { MeshClient, type RestClient } from '@modelmesh/sdk/client';
import { type Command as CommanderCommand, Option } from 'commander';
import { FORMATS, type Format } from './output/index.ts';
import type { CliWorld } from './world.ts';

/** Where a node of this machine listens. */
export const SERVER_DEFAULT = 'http://localhost:8033';
/** Names the server where the command line does not. */
export const SERVER_VARIABLE = 'MESH_SERVER';

/** What every command that asks a node is given. */
export interface ServerOptions {
  readonly server?: string;
  readonly tlsCa?: string;
  readonly tlsCert?: string;
  readonly tlsKey?: string;
}

/** The options by which a command finds its node. */
export const withServer = (command: CommanderCommand): CommanderCommand =>
  command
    .option('--server <url>', `node to ask; ${SERVER_VARIABLE} or ${SERVER_DEFAULT} unless given`)
    .option('--tls-ca <file>', 'PEM file of the authority that the node is trusted by')
    .option('--tls-cert <file>', 'PEM file of a client certificate')
    .option('--tls-key <file>', 'PEM file of its key');

/** The option for the form of the output. */
export const withOutput = (command: CommanderCommand, byDefault: Format = 'table'): CommanderCommand =>
  command.addOption(new Option('-o, --output <format>', 'form of the output').choices([...FORMATS]).default(byDefault));

/** Runs `work` with a client of the node that the options name, and ends the client. @throws {MeshError} */
export async function withClient<Result>(
  world: CliWorld,
  options: ServerOptions,
  work: (client: MeshClient) => Promise<Result>,
): Promise<Result> {
  const pem = (path: string | undefined): string | undefined => (path === undefined ? undefined : readPem(world, path));
  const [ca, cert, key] = [pem(options.tlsCa), pem(options.tlsCert), pem(options.tlsKey)];
  const tls = {
    ...(ca === undefined ? {} : { ca: [ca] }),
    ...(cert === undefined ? {} : { cert }),
    ...(key === undefined ? {} : { key }),
  };
  using client = new MeshClient({ server: serverOf(world, options), tls });
  return await work(client);
}

/** The same for commands that need nothing but REST. */
export const withRest = <Result>(
  world: CliWorld,
  options: ServerOptions,
  work: (rest: RestClient) => Promise<Result>,
): Promise<Result> => withClient(world, options, ({ rest }) => work(rest));

/** The server that is asked. */
export function serverOf(world: CliWorld, { server }: ServerOptions): string {
  const variable = world.env[SERVER_VARIABLE];
  return server ?? (variable === undefined || variable === '' ? SERVER_DEFAULT : variable);
}

function readPem(world: CliWorld, path: string): string {
  try {
    return readFileSync(resolve(world.cwd, path), 'utf8');
  } catch (error) {
    throw fileError(path, error);
  }
}

/** The error of a file that cannot be read: the command line is wrong, nothing of the mesh is missing. */
export function fileError(path: string, cause: unknown): MeshError {
  const code = cause instanceof Error && 'code' in cause ? String(cause.code) : 'unknown reason';
  return new MeshError('invalid-argument', `${path} cannot be read: ${code === 'ENOENT' ? 'there is no such file' : code}`, {
    cause,
  });
}
