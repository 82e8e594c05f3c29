import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { type DurationMs, MeshError } from '@modelmesh/core';
import { parseDuration } from '@modelmesh/core/manifest';
import type { MeshClient } from '@modelmesh/sdk/client';
import { type JsonValue, parseJson } from '@modelmesh/wire/oip';
import { type Command, InvalidArgumentError } from 'commander';
import { stringify } from 'yaml';
import type { Cli } from '../cli.ts';
import { type Column, type Format, printTable, withProgress } from '../output/index.ts';
import { fileError, type ServerOptions, withClient, withOutput, withServer } from '../session.ts';

/** Elements of a tensor that a table shows. */
const ELEMENTS_SHOWN = 8;

/** `mmesh infer MODEL -d JSON`. */
export function addInfer(program: Command, cli: Cli): void {
  const command = program
    .command('infer')
    .summary('ask a model')
    .description(
      'Sends a request of the Open Inference Protocol and prints the answer, every number as it was sent. ' +
        'The model may be an endpoint, the key of a model, or a family, whose newest version answers.',
    )
    .argument('<model>', 'endpoint, key or family')
    .requiredOption('-d, --data <json>', 'the request: JSON, @file, or @- for the standard input')
    .option('--version <version>', 'version of the family')
    .option('--grpc', 'ask over gRPC instead of REST')
    .option('--timeout <duration>', 'how long it may take, a load included, for instance 30s', duration);
  withOutput(withServer(command), 'json').action(async (model: string, options: InferOptions) => {
    const body = await requestBody(cli, options.data);
    const answer = await withClient(cli.world, options, (client) =>
      withProgress(cli.world, `waiting for ${model}`, () => ask(cli, client, model, body, options)),
    );
    print(cli, answer, options.output);
  });
}

interface InferOptions extends ServerOptions {
  readonly data: string;
  readonly version?: string;
  readonly grpc?: boolean;
  readonly timeout?: DurationMs;
  readonly output: Format;
}

function duration(text: string): DurationMs {
  const parsed = parseDuration(text);
  if (parsed === undefined) throw new InvalidArgumentError('expected a length of time such as 500ms, 30s or 2m');
  return parsed;
}

async function requestBody({ world }: Cli, data: string): Promise<Uint8Array> {
  if (data === '@-') return world.readStdin();
  if (!data.startsWith('@')) return Buffer.from(data);
  const path = data.slice(1);
  try {
    return readFileSync(resolve(world.cwd, path));
  } catch (error) {
    throw fileError(path, error);
  }
}

function ask(cli: Cli, client: MeshClient, model: string, body: Uint8Array, options: InferOptions): Promise<string> {
  const { version = '', timeout } = options;
  const common = { version, signal: cli.world.interrupted, ...(timeout === undefined ? {} : { timeoutMs: timeout }) };
  return options.grpc === true ? client.inferJson(model, body, common) : client.rest.inferJson(model, body, common);
}

function print({ world }: Cli, answer: string, format: Format): void {
  if (format === 'json') {
    world.out.write(`${answer.trimEnd()}\n`);
    return;
  }
  const value = parseJson(Buffer.from(answer));
  if (format === 'yaml') world.out.write(stringify(value));
  else printTable(world, OUTPUT_COLUMNS, outputsOf(value), 'the answer has no output');
}

type Output = ReadonlyMap<string, JsonValue>;

function outputsOf(answer: JsonValue): readonly Output[] {
  const outputs = answer instanceof Map ? answer.get('outputs') : undefined;
  if (Array.isArray(outputs)) return outputs.filter((output): output is Output => output instanceof Map);
  throw new MeshError('internal', 'the answer is none of the Open Inference Protocol; -o json shows it');
}

const OUTPUT_COLUMNS: readonly Column<Output>[] = [
  { title: 'OUTPUT', cell: (output) => String(output.get('name') ?? '') },
  { title: 'DATATYPE', cell: (output) => String(output.get('datatype') ?? '') },
  { title: 'SHAPE', cell: (output) => `[${String(output.get('shape') ?? '')}]` },
  { title: 'DATA', cell: (output) => dataText(output.get('data')) },
];

function dataText(data: JsonValue | undefined): string {
  if (!Array.isArray(data)) return '';
  const shown = data.slice(0, ELEMENTS_SHOWN).map(String).join(' ');
  return data.length > ELEMENTS_SHOWN ? `${shown} … (${data.length})` : shown;
}
