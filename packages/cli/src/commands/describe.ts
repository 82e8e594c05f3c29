import { assertNever } from '@modelmesh/core';
import type { EndpointView, RestClient } from '@modelmesh/sdk/client';
import type { Command } from 'commander';
import { stringify } from 'yaml';
import type { Cli } from '../cli.ts';
import { type Format, printValue } from '../output/index.ts';
import { type ServerOptions, withOutput, withRest, withServer } from '../session.ts';
import { instanceNamed } from './get.ts';
import { kindOf } from './kind.ts';

const DESCRIBED = ['models', 'endpoints', 'instances'] as const;
/** Explanations that are shown; the rest is in `-o json`. */
const EXPLANATIONS_SHOWN = 10;

/** `mmesh describe KIND NAME`. */
export function addDescribe(program: Command, cli: Cli): void {
  const command = program
    .command('describe')
    .summary('tell everything about one model, endpoint or instance')
    .description('Tells everything that is known about one thing: for a model also why it was loaded, evicted or refused.')
    .argument('<kind>', DESCRIBED.join(', '))
    .argument('<name>', 'key of a model, name of an endpoint, id of an instance');
  withOutput(withServer(command)).action((word: string, name: string, options: DescribeOptions) =>
    withRest(cli.world, options, async (rest) => {
      const { value, shown } = await description(cli, rest, word, name);
      printValue(cli.world, options.output, value, () => cli.world.out.write(stringify(shown)));
    }),
  );
}

interface DescribeOptions extends ServerOptions {
  readonly output: Format;
}

/** What is known, whole for programs and cut for people. */
interface Description {
  readonly value: unknown;
  readonly shown: unknown;
}

async function description(cli: Cli, rest: RestClient, word: string, name: string): Promise<Description> {
  const signal = { signal: cli.world.interrupted };
  const kind = kindOf(word, DESCRIBED);
  switch (kind) {
    case 'models': {
      const [model, { records }] = await Promise.all([rest.model(name, signal), rest.explain(name, signal)]);
      const hidden = records.length - EXPLANATIONS_SHOWN;
      const shown = { ...model, explanation: records.slice(0, EXPLANATIONS_SHOWN) };
      return {
        value: { ...model, explanation: records },
        shown: hidden > 0 ? { ...shown, more: `${hidden} older ones with -o json` } : shown,
      };
    }
    case 'endpoints': {
      const endpoint = await rest.endpoint(name, signal);
      const value = { ...endpoint, models: await modelsOf(rest, endpoint, signal) };
      return { value, shown: value };
    }
    case 'instances': {
      const value = instanceNamed(await rest.instances(signal), name);
      return { value, shown: value };
    }
    default:
      return assertNever(kind);
  }
}

/** The state of the models behind an endpoint. */
async function modelsOf(
  rest: RestClient,
  { activeModel, targetModel, policy }: EndpointView,
  signal: { readonly signal: AbortSignal },
): Promise<readonly { readonly key: string; readonly status: string; readonly errors: readonly string[] }[]> {
  const keys = new Set([activeModel, targetModel, ...(policy?.variants ?? []).map(({ model }) => model)]);
  return Promise.all(
    [...keys].map(async (model) => {
      const { key, status, errors } = await rest.model(model, signal);
      return { key, status, errors };
    }),
  );
}
